"""NVIDIA's driver, asked through NVML (nvidia-ml-py).

Theory of operation. `pynvml` is loaded from its file, because the shim runs without site-packages; the library
that it opens, libnvidia-ml, is the driver's own. Devices are named by UUID, never by index: an index moves when
a card is taken out, and CUDA counts in another order. A GPU that MIG has divided is not a device, its instances
are. Every failure in here, down to a symbol that an old driver lacks, is a DriverError, and the next question
begins anew: the driver may have been updated meanwhile. NVML keeps no process on the device, so asking does not
make it unclean.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from runners.gpu.driver import SAFE_ID, Device, DriverError, Use

CONTROL = ("/dev/nvidiactl", "/dev/nvidia-uvm")
OPTIONAL = ("/dev/nvidia-uvm-tools",)  # profilers; without it some drivers' cuInit is slow or fails
CAPABILITIES = Path("/proc/driver/nvidia/capabilities")


class Nvml:
    """`only` holds UUIDs or indexes of the devices that are ours; empty: all."""

    def __init__(self, pynvml: str, only: frozenset[str] = frozenset()) -> None:
        self._file, self._only = pynvml, only
        self._module: Any = None
        self._library: Any = None  # the module once it is initialised
        self._turn = threading.Lock()

    def devices(self) -> list[Device]:
        with self._asking() as nvml:
            version = str(nvml.nvmlSystemGetDriverVersion())
            found: list[Device] = []
            for index in range(nvml.nvmlDeviceGetCount()):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                ours = _devices_of(nvml, handle, version)
                found += [item for item in ours if not self._only or self._only & {str(index), item.id}]
            return found

    def use(self, device: str) -> Use:
        with self._asking() as nvml:
            handle = nvml.nvmlDeviceGetHandleByUUID(device)
            return Use(memory=_memory(nvml, handle).used, percent=_load(nvml, handle))

    def processes(self, device: str) -> int:
        with self._asking() as nvml:
            return len(nvml.nvmlDeviceGetComputeRunningProcesses(nvml.nvmlDeviceGetHandleByUUID(device)))

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        with self._turn:
            try:
                yield self._ready()
            except DriverError:
                raise
            except Exception as error:
                self._forget()
                raise DriverError(f"NVIDIA's driver does not answer: {error}") from error

    def _ready(self) -> Any:
        if self._library is None:
            self._module = self._module or _load_module(self._file)
            self._module.nvmlInit()
            self._library = self._module
        return self._library

    def _forget(self) -> None:
        """Begin anew at the next question: after an update of the driver the old handles are dead."""
        library, self._library = self._library, None
        if library is not None:
            with suppress(Exception):  # it is being given up
                library.nvmlShutdown()


def _load_module(file: str) -> Any:
    spec = importlib.util.spec_from_file_location("pynvml", file)
    if spec is None or spec.loader is None:
        raise DriverError(f"no module at {file!r}: install nvidia-ml-py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _devices_of(nvml: Any, handle: Any, version: str) -> Iterator[Device]:
    node = f"/dev/nvidia{nvml.nvmlDeviceGetMinorNumber(handle)}"
    common = (*CONTROL, *(path for path in OPTIONAL if Path(path).exists()))
    if not _divided(nvml, handle):
        yield _device(nvml, handle, version, (node, *common))
        return
    for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place)
        except nvml.NVMLError_NotFound:
            continue
        yield _device(nvml, part, version, (node, *common, *_capability_nodes(nvml, handle, part)))


def _divided(nvml: Any, handle: Any) -> bool:
    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE)
    except nvml.NVMLError:  # of a card or a driver that knows no MIG
        return False


def _device(nvml: Any, handle: Any, version: str, nodes: tuple[str, ...]) -> Device:
    uuid = str(nvml.nvmlDeviceGetUUID(handle))
    if not SAFE_ID.fullmatch(uuid):
        raise DriverError(f"a device is called {uuid!r}; drivers from 470 on give UUIDs")
    name, memory = str(nvml.nvmlDeviceGetName(handle)), _memory(nvml, handle).total >> 20
    return Device(id=uuid, name=name, memory_mb=memory, driver=version, nodes=nodes)


def _capability_nodes(nvml: Any, whole: Any, part: Any) -> Iterator[str]:
    """The device files that open one instance of MIG: that of the GPU instance and that of its compute instance."""
    minor = nvml.nvmlDeviceGetMinorNumber(whole)
    instance, compute = nvml.nvmlDeviceGetGpuInstanceId(part), nvml.nvmlDeviceGetComputeInstanceId(part)
    folder = CAPABILITIES / f"gpu{minor}" / "mig" / f"gi{instance}"
    for access in (folder / "access", folder / f"ci{compute}" / "access"):
        lines = access.read_text("ascii").splitlines()
        number = next(line.partition(":")[2].strip() for line in lines if line.startswith("DeviceFileMinor"))
        yield f"/dev/nvidia-caps/nvidia-cap{int(number)}"


def _memory(nvml: Any, handle: Any) -> Any:
    """The second version does not count what the driver keeps for itself, some 500 MB of an H100."""
    try:
        return nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except nvml.NVMLError:  # a driver before 510
        return nvml.nvmlDeviceGetMemoryInfo(handle)


def _load(nvml: Any, handle: Any) -> float | None:
    try:
        return float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except nvml.NVMLError_NotSupported:  # an instance of MIG
        return None
