"""What a container is made with: asked of the daemon about one that runs, and of the list where no daemon can tell."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from runners.sandboxes import docker_flags, flags, seccomp, shims
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.docker_flags import Bind, Setting
from runners.sandboxes.engine import Engine
from runners.sandboxes.plan import SandboxError, SandboxPlan
from runners.spec import Limits
from tests.runners.sandbox_stage import SLOT, SandboxStage

_PLAN = SandboxPlan(
    argv=("{python}", "/submission/main.py"),
    environment="/env",
    limits=Limits(memory_mb=100, disk_mb=20, pids=10),
    required_output="submission.csv",
    image="podium/python:1",
    slot=7,
)
_SETTING = Setting(
    runtime="runc",
    image="sha256:0123",
    python="/env/bin/python",
    image_env=("PATH",),
    image_is_ours=True,
    cgroup_parent="/podium/docker",
    name="podium-job-1",
    hold=None,
)


def _made(plan: SandboxPlan = _PLAN, **setting: Any) -> dict[str, Any]:
    binds = [Bind(source=Path("/a"), place="/input"), Bind(source=Path("/b"), place="/output", writable=True)]
    return docker_flags.configuration(plan, dataclasses.replace(_SETTING, **setting), binds)


@pytest.mark.sandbox
@pytest.mark.parametrize("sandbox", [Sandbox.DOCKER], indirect=True)
def test_a_running_container_has_every_guard(sandbox: SandboxStage) -> None:
    rundir = sandbox.launch("print('up')\nimport time\ntime.sleep(60)", env=(("OMP_NUM_THREADS", "2"),))
    sandbox.until_logged(rundir, b"up")
    known = Engine(sandbox.docker_host).inspect(f"podium-{rundir.name}")
    host, config = known["HostConfig"], known["Config"]
    held = {
        "network": host["NetworkMode"] == "none" and config["NetworkDisabled"],
        "root": host["ReadonlyRootfs"] and not host["Privileged"],
        "capabilities": host["CapDrop"] == ["ALL"] and not host["CapAdd"],
        "privileges": "no-new-privileges" in host["SecurityOpt"],
        "system calls": any(option.startswith("seccomp={") for option in host["SecurityOpt"]),
        "memory": host["Memory"] == host["MemorySwap"] == (96 + 16) << 20,
        "processes": host["PidsLimit"] == 24 + 1,
        "processors": (host["NanoCpus"], host["CpuShares"]) == (2 * 10**9, 256),
        "namespaces": (host["IpcMode"], host["PidMode"], host["UTSMode"]) == ("private", "", ""),
        "cgroup namespace": host["CgroupnsMode"] == "private",
        "init": host["Init"],
        "log": host["LogConfig"]["Type"] == "none",
        "run once": host["RestartPolicy"]["Name"] == "no",
        "uid": config["User"] == f"{flags.FIRST_UID + SLOT}:{flags.FIRST_UID + SLOT}",
        "image by id": known["Image"] == config["Image"] == sandbox.image,
        "no devices": not host["Devices"] and not host["DeviceRequests"],
        "no volumes": not host["Binds"] and not config["Volumes"] and not host["VolumesFrom"],
        "masked": {"/sys", "/proc/kcore", "/proc/keys"} <= set(host["MaskedPaths"]),
        "read-only": {"/proc/sys", "/proc/sysrq-trigger"} <= set(host["ReadonlyPaths"]),
        "limits": {one["Name"]: one["Hard"] for one in host["Ulimits"]}
        == {"core": 0, "nofile": 4096, "memlock": 8 << 20, "msgqueue": 0, "rtprio": 0},
        "named": config["Labels"][docker_flags.CONTAINER_LABEL] == f"podium-{rundir.name}",
    }
    assert [name for name, holds in held.items() if not holds] == []
    writable = {mount["Destination"] for mount in known["Mounts"] if mount["RW"]}
    assert writable == {"/output", "/tmp", "/dev/shm"}
    assert {mount["Propagation"] for mount in known["Mounts"]} == {"rprivate"}
    shims.cancel(rundir)
    sandbox.wait(rundir)


@pytest.mark.sandbox
@pytest.mark.parametrize("sandbox", [Sandbox.RUNSC], indirect=True)
def test_all_of_gvisor_runs_in_the_cgroup_of_the_attempt(sandbox: SandboxStage) -> None:
    """Its kernel and file server are processes of the host: outside they would eat memory that nobody counts."""
    rundir = sandbox.launch("print('up')\nimport time\ntime.sleep(60)")
    sandbox.until_logged(rundir, b"up")
    identity = Engine(sandbox.docker_host).inspect(f"podium-{rundir.name}")["Id"]
    outside, inside = [], 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile
            continue
        if line[0] in {b"runsc-sandbox", b"runsc-gofer"} and identity.encode() in b" ".join(line):
            groups = (path / "cgroup").read_text()
            names = ("",) if "\n1:" not in f"\n{groups}" else ("memory", "pids", "cpuacct")
            ours = all(f":{name}:/podium/{rundir.name}\n" in groups for name in names)
            inside += ours
            outside += [] if ours else [line[0]]
    assert outside == []
    assert inside >= 2
    shims.cancel(rundir)
    sandbox.wait(rundir)


@pytest.mark.sandbox
@pytest.mark.parametrize("sandbox", [Sandbox.DOCKER, Sandbox.RUNSC], indirect=True)
def test_a_program_that_the_image_does_not_have_is_our_fault_and_no_verdict(sandbox: SandboxStage) -> None:
    rundir = sandbox.directory / "test-without-program"
    rundir.mkdir(mode=0o700)
    sandbox.rundirs.append(rundir)
    plan = dataclasses.replace(_PLAN, argv=("/opt/no-such-program",), image=sandbox.image, slot=SLOT)
    shims.launch(rundir, plan, sandbox.sandbox)
    result = sandbox.wait(rundir)
    assert result.outcome.facts is None
    assert "the image has no /opt/no-such-program" in result.outcome.error


@pytest.mark.sandbox
def test_an_image_that_is_not_here_is_refused_before_anything_starts(
    docker_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODIUM_DOCKER_HOST", docker_host)
    missing = "nowhere.example/image@sha256:" + "0" * 64
    with pytest.raises(SandboxError, match="not on this host and a run never pulls"):
        shims.launch(tmp_path, dataclasses.replace(_PLAN, image=missing), Sandbox.DOCKER)
    with pytest.raises(SandboxError, match="needs an image"):
        shims.launch(tmp_path, dataclasses.replace(_PLAN, image=""), Sandbox.DOCKER)


def test_a_daemon_that_is_away_or_elsewhere_is_told_in_words() -> None:
    with pytest.raises(SandboxError, match=r"does not answer.*PODIUM_DOCKER_HOST"):
        Engine("unix:///nonexistent/docker.sock").info()
    with pytest.raises(SandboxError, match="must be unix:///path"):
        Engine("tcp://127.0.0.1:2375")


def test_no_environment_variable_of_one_of_our_images_is_kept_but_by_our_own_list() -> None:
    assert set(_made(image_env=("PATH", "LANG", "GPG_KEY", "LD_PRELOAD"))["Env"]) == {
        *(f"{name}={value}" for name, value in flags.environment_variables(_PLAN).items()),
        "GPG_KEY",  # without a value: taken away
        "LD_PRELOAD",
        "HOSTNAME",
    }


def test_an_organisers_image_keeps_its_own_path_and_libraries_and_nothing_that_reaches_the_host() -> None:
    names = ("PATH", "LD_LIBRARY_PATH", "CONDA_PREFIX", "LD_PRELOAD", "NVIDIA_VISIBLE_DEVICES", "PODIUM_HOLD")
    made = _made(image_is_ours=False, image_env=names)["Env"]
    assert not any(entry.startswith(("PATH", "LD_LIBRARY_PATH", "CONDA_PREFIX")) for entry in made)
    assert {"LD_PRELOAD", "NVIDIA_VISIBLE_DEVICES", "PODIUM_HOLD", "HOSTNAME"} <= set(made)


def test_a_run_gets_the_devices_leased_to_it_and_no_other() -> None:
    assert "DeviceRequests" not in _made()["HostConfig"]
    leased = dataclasses.replace(_PLAN, devices=("GPU-1",))
    assert _made(leased)["HostConfig"]["DeviceRequests"] == [
        {"Driver": "nvidia", "DeviceIDs": ["GPU-1"], "Capabilities": [["gpu", "compute", "utility"]]}
    ]


def test_gvisor_gets_room_for_its_own_threads_and_the_program_no_more_than_a_few_times_its_limit() -> None:
    assert _made()["HostConfig"]["PidsLimit"] == 10 + 1
    assert _made(runtime="runsc")["HostConfig"]["PidsLimit"] == 4 * 10 + 128


def test_no_call_that_nsjail_denies_is_on_the_containers_list() -> None:
    denied, _, rest = flags.SECCOMP_POLICY.partition("clone(flags)")
    names = set(re.findall(r"[a-z_0-9]{3,}", denied.partition("ERRNO(1)")[2]))
    assert {"keyctl", "ptrace", "io_uring_setup", "mount", "unshare", "bpf"} <= names
    assert names & set(seccomp.ALLOWED) == set()
    assert {"clone", "clone3", "socket"} & set(seccomp.ALLOWED) == set()  # by their arguments only
    assert "clone3" in rest
