"""Asking NVIDIA's driver. On a host without one its Python module is replaced by a file that answers as documented."""

from __future__ import annotations

import re
from pathlib import Path

import pynvml
import pytest

from runners.gpu import nvml
from runners.gpu.choice import pynvml_file
from runners.gpu.driver import DriverError
from runners.gpu.nvml import Nvml

# Two cards: a whole one, and one that MIG has divided into two instances of which the second place is empty.
STAND_IN = """
class NVMLError(Exception): pass
class NVMLError_NotFound(NVMLError): pass
class NVMLError_NotSupported(NVMLError): pass
class NVMLError_GpuIsLost(NVMLError): pass
NVML_DEVICE_MIG_ENABLE, nvmlMemory_v2 = 1, 0x02000028
class Memory:
    def __init__(self, total, used): self.total, self.used = total, used
def nvmlInit():
    with open(HERE + "/inits", "a") as file: file.write("x")
def nvmlShutdown(): pass
def nvmlSystemGetDriverVersion(): return "580.65.06"
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(index): return ("card", index)
def nvmlDeviceGetHandleByUUID(uuid):
    if uuid == "GPU-lost": raise NVMLError_GpuIsLost("GPU is lost")
    return ("card", 0) if uuid.startswith("GPU") else ("part", 0)
def nvmlDeviceGetMinorNumber(handle): return 3 + handle[1]
def nvmlDeviceGetMigMode(handle):
    if handle == ("card", 0): raise NVMLError_NotSupported("Not Supported")
    return [1, 1]
def nvmlDeviceGetMaxMigDeviceCount(handle): return 2
def nvmlDeviceGetMigDeviceHandleByIndex(handle, index):
    if index == 1: raise NVMLError_NotFound("Not Found")
    return ("part", index)
def nvmlDeviceGetUUID(handle): return f"GPU-{handle[1]}" if handle[0] == "card" else f"MIG-{handle[1]}"
def nvmlDeviceGetName(handle): return "NVIDIA H100 80GB HBM3"
def nvmlDeviceGetGpuInstanceId(handle): return 7
def nvmlDeviceGetComputeInstanceId(handle): return 0
def nvmlDeviceGetMemoryInfo(handle, version=None):
    return Memory(81559 << 20, (512 if version is None else 4) << 20)
def nvmlDeviceGetComputeRunningProcesses(handle): return [object()] if handle[0] == "part" else []
def nvmlDeviceGetUtilizationRates(handle):
    if handle[0] == "part": raise NVMLError_NotSupported("Not Supported")
    class Rates: gpu = 73
    return Rates
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stand-in's file, and the driver's files in /proc for its one MIG instance."""
    file = tmp_path / "pynvml.py"
    file.write_text(f"HERE = {str(tmp_path)!r}\n{STAND_IN}")
    instance = tmp_path / "capabilities" / "gpu4" / "mig" / "gi7"
    (instance / "ci0").mkdir(parents=True)
    (instance / "access").write_text("DeviceFileMinor: 66\nDeviceFileMode: 256\nDeviceFileModify: 1\n")
    (instance / "ci0" / "access").write_text("DeviceFileMinor: 67\nDeviceFileMode: 256\n")
    monkeypatch.setattr(nvml, "CAPABILITIES", tmp_path / "capabilities")
    return str(file)


def test_whole_cards_and_instances_of_divided_ones_are_devices(library: str) -> None:
    whole, part = Nvml(library).devices()
    assert (whole.id, whole.name, whole.memory_mb) == ("GPU-0", "NVIDIA H100 80GB HBM3", 81559)
    assert whole.driver == "580.65.06"
    assert {"/dev/nvidia3", "/dev/nvidiactl", "/dev/nvidia-uvm"} <= set(whole.nodes)
    assert part.id == "MIG-0"
    assert {"/dev/nvidia4", "/dev/nvidia-caps/nvidia-cap66", "/dev/nvidia-caps/nvidia-cap67"} <= set(
        part.nodes
    )
    assert not {"/dev/nvidia4", "/dev/nvidia-caps/nvidia-cap66"} & set(whole.nodes)


@pytest.mark.parametrize("only", ["0", "GPU-0"])
def test_a_setting_may_leave_devices_to_others(library: str, only: str) -> None:
    assert [device.id for device in Nvml(library, frozenset({only})).devices()] == ["GPU-0"]


def test_what_the_driver_keeps_for_itself_is_not_in_use(library: str) -> None:
    use = Nvml(library).use("GPU-0")
    assert (use.memory, use.percent) == (4 << 20, 73.0)


def test_an_instance_of_mig_tells_its_memory_and_processes_but_no_load(library: str) -> None:
    asked = Nvml(library)
    assert asked.use("MIG-0").percent is None
    assert (asked.processes("MIG-0"), asked.processes("GPU-0")) == (1, 0)


def test_a_lost_card_is_said_and_the_next_question_begins_anew(library: str, tmp_path: Path) -> None:
    asked = Nvml(library)
    with pytest.raises(DriverError, match="GPU is lost"):
        asked.use("GPU-lost")
    assert asked.use("GPU-0").percent == 73.0
    assert (tmp_path / "inits").read_text() == "xx"


def test_a_host_without_the_module_or_the_driver_says_so() -> None:
    with pytest.raises(DriverError):
        Nvml("").devices()
    if not Path("/dev/nvidiactl").exists():
        with pytest.raises(DriverError, match="NVML"):
            Nvml(pynvml_file()).devices()


def test_everything_that_is_asked_of_nvml_exists_in_the_installed_module() -> None:
    source = Path(nvml.__file__).read_text()
    asked = set(re.findall(r"\b(?:nvml|library)\.(\w*(?:nvml|NVML)\w*)", source))
    assert "nvmlDeviceGetHandleByUUID" in asked
    assert {name for name in asked if not hasattr(pynvml, name)} == set()
