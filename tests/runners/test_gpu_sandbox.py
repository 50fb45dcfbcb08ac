"""A run with leased devices: what it sees of them in a real sandbox, what is sampled, what nobody else's run sees."""

from __future__ import annotations

import json
import resource
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from runners.gpu.access import LIBRARY, Access, access_to, driver_folder
from runners.gpu.driver import Device
from runners.sandboxes import docker_flags, flags, nsjail
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.docker_flags import Setting
from runners.sandboxes.plan import SandboxError, SandboxPlan
from runners.spec import Limits
from runners.usage import UsagePoint
from tests.runners.sandbox_stage import WRITE_OUTPUT, SandboxStage

# Docker asks NVIDIA's toolkit for the devices, and cannot begin without it.
in_nsjail = pytest.mark.parametrize("sandbox", [Sandbox.NSJAIL], indirect=True)

LOOK = f"""
import glob, json, os
found = {{"cuda": os.environ.get("CUDA_VISIBLE_DEVICES"), "nodes": sorted(os.listdir("/dev"))}}
found["path"] = os.environ.get("LD_LIBRARY_PATH")
found["nvidia"] = glob.glob("/dev/nvidia*")
try:
    with open("/proc/self/comm", "w") as file:
        file.write("named")
    found["comm"] = True
except OSError:
    found["comm"] = False
try:
    open("/proc/sys/kernel/hostname", "w").close()
    found["sysctl"] = True
except OSError:
    found["sysctl"] = False
print(json.dumps(found))
{WRITE_OUTPUT}
"""
USUAL = {"fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"}


def plan(environment: Path, **fields: Any) -> SandboxPlan:
    return SandboxPlan(
        argv=("{python}", "/submission/main.py"),
        environment=str(environment),
        limits=Limits(memory_mb=512),
        required_output="submission.csv",
        **fields,
    )


def command(environment: Path, **fields: Any) -> list[str]:
    known = plan(environment, **fields)
    return flags.command(known, nsjail="nsjail", box=Path("/box"), log=Path("/log"), as_root=True, nproc=None)


def test_the_flags_of_a_run_with_devices_are_those_of_any_run_and_these(bare_environment: Path) -> None:
    nodes = ("/dev/nvidia3", "/dev/nvidiactl", "/dev/nvidia-uvm")
    access = Access(nodes=nodes, folders=("/opt/nvidia/lib64",), library_path="/opt/nvidia/lib64")
    # Without the word after --rlimit_memlock, which depends on this host's own limit.
    plain, mine = (
        command(bare_environment),
        command(bare_environment, devices=("GPU-a", "MIG-b"), access=access),
    )
    for words in (plain, mine):
        del words[words.index("--rlimit_memlock") + 1]
    assert Counter(plain) - Counter(mine) == Counter()
    added = Counter(mine) - Counter(plain)
    assert added == Counter(
        [
            "--proc_rw",
            *("--bindmount_ro", "/dev/nvidia3", "--bindmount_ro", "/dev/nvidiactl"),
            *("--bindmount_ro", "/dev/nvidia-uvm", "--bindmount_ro", "/opt/nvidia/lib64"),
            *("--env", "CUDA_VISIBLE_DEVICES=GPU-a,MIG-b", "--env", "CUDA_CACHE_DISABLE=1"),
            *("--env", "LD_LIBRARY_PATH=/opt/nvidia/lib64"),
        ]
    )


def test_a_run_without_devices_sees_none_and_is_told_of_none(sandbox: SandboxStage) -> None:
    found = json.loads(sandbox.run(LOOK).log)
    assert (found["nvidia"], found["cuda"], found["path"]) == ([], None, None)
    if sandbox.sandbox is Sandbox.NSJAIL:
        assert set(found["nodes"]) == USUAL
        assert found["comm"] is False


@in_nsjail
def test_a_run_sees_the_device_files_of_its_devices_alone(sandbox: SandboxStage) -> None:
    access = Access(nodes=("/dev/tty",), folders=("/etc/alternatives",), library_path="/etc/alternatives")
    found = json.loads(sandbox.run(LOOK, devices=("fake0",), access=access).log)
    assert set(found["nodes"]) == USUAL | {"tty"}
    assert found["cuda"] == "fake0"
    assert found["path"] == "/etc/alternatives"


@in_nsjail
def test_a_run_with_devices_may_name_its_threads_and_change_nothing_of_the_kernel(
    sandbox: SandboxStage,
) -> None:
    found = json.loads(sandbox.run(LOOK, devices=("fake0",), access=Access(nodes=("/dev/tty",))).log)
    assert (found["comm"], found["sysctl"]) == (True, False)


def test_a_plan_with_devices_survives_its_file(bare_environment: Path) -> None:
    known = plan(bare_environment, devices=("a",), access=Access(nodes=("/dev/tty",), source="table:/x"))
    assert SandboxPlan.from_json(json.loads(json.dumps(known.as_json()))) == known


def table(path: Path, **facts: Any) -> Path:
    path.with_suffix(".draft").write_text(
        json.dumps({"devices": [{"id": "fake0", "memory_mb": 16384} | facts]})
    )
    path.with_suffix(".draft").replace(path)
    return path


@in_nsjail
def test_memory_and_load_of_the_devices_are_sampled_into_the_curve_and_the_facts(
    sandbox: SandboxStage, tmp_path: Path
) -> None:
    listed = table(tmp_path / "table.json", used_mb=1000, percent=80)
    access = Access(source=f"table:{listed}")
    rundir = sandbox.launch(
        f"import time\nprint('on', flush=True)\ntime.sleep(1.5)\n{WRITE_OUTPUT}",
        devices=("fake0",),
        access=access,
    )
    sandbox.until_logged(rundir, b"on")
    result = sandbox.wait(rundir)
    points = [
        UsagePoint.from_json(json.loads(line)) for line in (rundir / "samples").read_text().splitlines()
    ]
    assert (points[-1].gpu_memory, points[-1].gpu_percent) == (1000 << 20, 80.0)
    assert result.facts.gpu_memory_peak == 1000 << 20
    assert result.facts.gpu_s == pytest.approx(result.facts.wall_s, abs=0.01)


@in_nsjail
def test_a_run_on_two_devices_has_their_memory_together_and_their_mean_load(
    sandbox: SandboxStage, tmp_path: Path
) -> None:
    rows = [
        {"id": "fake0", "memory_mb": 100, "used_mb": 10, "percent": 100},
        {"id": "fake1", "memory_mb": 100, "used_mb": 30, "percent": 50},
    ]
    (tmp_path / "table.json").write_text(json.dumps({"devices": rows}))
    access = Access(source=f"table:{tmp_path / 'table.json'}")
    program = f"import time\ntime.sleep(1.2)\n{WRITE_OUTPUT}"
    result = sandbox.run(program, devices=("fake0", "fake1"), access=access)
    last = json.loads((result.rundir / "samples").read_text().splitlines()[-1])
    assert last[-2:] == [40 << 20, 75.0]
    assert result.facts.gpu_s == pytest.approx(2 * result.facts.wall_s, abs=0.01)


@pytest.mark.parametrize("source", ["table:/nowhere.json", "nonsense", "GPU-none"])
@in_nsjail
def test_a_driver_that_does_not_answer_costs_a_run_its_curve_and_nothing_else(
    sandbox: SandboxStage, source: str
) -> None:
    result = sandbox.run(WRITE_OUTPUT, devices=("fake0",), access=Access(source=source, pynvml="/none.py"))
    assert result.verdict is None  # scored
    assert result.facts.gpu_memory_peak == 0


@in_nsjail
def test_a_run_with_devices_may_pin_its_memory_and_no_more(sandbox: SandboxStage) -> None:
    ours = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    most = 1 << 62 if ours == resource.RLIM_INFINITY else ours
    program = f"import resource\nprint(resource.getrlimit(resource.RLIMIT_MEMLOCK)[1])\n{WRITE_OUTPUT}"
    assert int(sandbox.run(program, memory_mb=96).log) == min(8 << 20, most)
    with_devices = sandbox.run(program, memory_mb=96, devices=("a",), access=Access())
    assert int(with_devices.log) == min(96 << 20, most)


def test_the_drivers_folder_is_found_where_the_linker_does_not_look(tmp_path: Path) -> None:
    (tmp_path / "lib64").mkdir()
    (tmp_path / "lib64" / LIBRARY).touch()
    found, cached = driver_folder((str(tmp_path / "none"), str(tmp_path / "lib64")))
    if not cached:  # a host with a driver of its own answers with that
        assert found == str(tmp_path / "lib64")
    assert found


def test_listed_devices_need_nothing_of_the_host() -> None:
    access = access_to([Device(id="a", name="a", memory_mb=1)], source="a:1")
    assert access == Access(source="a:1")


def test_a_container_needs_no_file_of_the_host_for_its_devices() -> None:
    device = Device(id="GPU-a", name="a", memory_mb=1, nodes=("/dev/nvidia0", "/dev/nvidiactl"))
    assert access_to([device], source="auto", in_container=True) == Access(source="auto")
    assert access_to([device], source="auto").nodes == device.nodes


def test_a_folder_that_holds_the_run_directory_is_never_bound(bare_environment: Path, tmp_path: Path) -> None:
    rundir = tmp_path / "run"
    rundir.mkdir()
    access = Access(folders=(str(tmp_path),))
    with pytest.raises(SandboxError, match="holds the run directory"):
        nsjail.settings(rundir, plan(bare_environment, devices=("a",), access=access))
    assert nsjail.settings(rundir, plan(bare_environment, devices=("a",), access=Access()))


def container(environment: Path, **fields: Any) -> dict[str, Any]:
    """What the engine is asked for, of an image that would take every device if it were let."""
    setting = Setting(
        runtime="runc",
        image="sha256:0",
        python="python3",
        image_env=("NVIDIA_VISIBLE_DEVICES", "LD_PRELOAD"),
        image_is_ours=False,
        cgroup_parent="/podium",
        name="trial",
        hold=None,
    )
    return docker_flags.configuration(plan(environment, **fields), setting, [])


def test_a_container_is_asked_for_with_the_leased_devices_and_no_other(bare_environment: Path) -> None:
    asked = container(bare_environment, devices=("GPU-a", "MIG-b"), access=Access())
    (request,) = asked["HostConfig"]["DeviceRequests"]
    assert request == {
        "Driver": "nvidia",
        "DeviceIDs": ["GPU-a", "MIG-b"],
        "Capabilities": [["gpu", "compute", "utility"]],
    }
    assert "CUDA_VISIBLE_DEVICES=GPU-a,MIG-b" in asked["Env"]
    locked = {"Name": "memlock", "Soft": 512 << 20, "Hard": 512 << 20}
    assert locked in asked["HostConfig"]["Ulimits"]


def test_a_container_without_devices_gets_none_whatever_its_image_says(bare_environment: Path) -> None:
    asked = container(bare_environment)
    assert not asked["HostConfig"].get("DeviceRequests")
    assert "Devices" not in asked["HostConfig"]
    named = {line.partition("=")[0]: "=" in line for line in asked["Env"]}
    assert named["NVIDIA_VISIBLE_DEVICES"] is False  # a name without a value takes the image's away
    assert named["LD_PRELOAD"] is False
