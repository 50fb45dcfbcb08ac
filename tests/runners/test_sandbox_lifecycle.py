"""Whatever dies, and whenever: nothing of a run is left, and whoever asks gets a true answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runners.sandboxes import cgroups, shims
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.plan import SandboxError, SandboxPlan
from runners.verdict import Verdict
from tests.runners.sandbox_stage import AS_ROOT, WRITE_OUTPUT, SandboxStage, cgroup_of, everywhere, until

pytestmark = pytest.mark.sandbox
_BUSY = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        break
os.write(1, b"up\\n")
time.sleep(60)
"""


def _busy(sandbox: SandboxStage) -> Path:
    rundir = sandbox.launch(_BUSY, wall_s=30)
    sandbox.until_logged(rundir, b"up\n" * 4)
    assert shims.alive(rundir)
    return rundir


def _outermost(rundir: Path) -> int:
    pid: int = json.loads((rundir / "shim.json").read_text())["pid"]
    return pid


def _shim(rundir: Path) -> int:
    """The pid of the shim itself, for nsjail below `unshare`."""
    outermost = _outermost(rundir)
    below = Path(f"/proc/{outermost}/task/{outermost}/children").read_text().split()
    return int(below[0]) if below else outermost


@everywhere
@pytest.mark.parametrize("which", [_shim, _outermost], ids=["shim", "unshare"])
def test_kill_9_of_the_supervisor_leaves_nothing(sandbox: SandboxStage, which: object) -> None:
    rundir = _busy(sandbox)
    os.kill(which(rundir), signal.SIGKILL)  # type: ignore[operator]  # one of two functions
    result = sandbox.wait(rundir, within_s=10)
    assert result.outcome.facts is None
    assert "supervisor died" in result.outcome.error


@pytest.mark.parametrize("sandbox", [Sandbox.NSJAIL], indirect=True)
def test_kill_9_of_nsjail_ends_the_run_with_our_error(sandbox: SandboxStage) -> None:
    rundir = _busy(sandbox)
    shim = _shim(rundir)
    child = int(Path(f"/proc/{shim}/task/{shim}/children").read_text().split()[0])
    os.kill(child, signal.SIGKILL)
    result = sandbox.wait(rundir, within_s=10)
    assert result.outcome.error != ""


@everywhere
def test_reap_ends_a_running_sandbox(sandbox: SandboxStage) -> None:
    rundir = _busy(sandbox)
    shims.reap(rundir)
    assert not shims.alive(rundir)
    assert cgroups.left_over(cgroup_of(rundir)) is None
    shims.reap(rundir)


def test_reap_without_the_shims_pid_cancels_instead(sandbox: SandboxStage) -> None:
    """The agent died between starting the shim and writing down its pid."""
    rundir = _busy(sandbox)
    (rundir / "shim.json").unlink()
    shims.reap(rundir)
    assert not shims.alive(rundir)


def test_reap_does_not_kill_a_stranger_with_a_reused_pid(sandbox: SandboxStage) -> None:
    rundir = _busy(sandbox)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (rundir / "shim.json").write_text(json.dumps({"pid": stranger.pid, "start": 1}))
        shims.reap(rundir)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user may have no cgroup to leave behind")
def test_reap_removes_the_cgroup_of_a_killed_shim(sandbox: SandboxStage) -> None:
    rundir = _busy(sandbox)
    assert cgroups.left_over(cgroup_of(rundir)) is not None
    os.kill(_shim(rundir), signal.SIGKILL)
    until(lambda: not shims.alive(rundir), "the shim to die")
    assert cgroups.left_over(cgroup_of(rundir)) is not None
    shims.reap(rundir)
    assert cgroups.left_over(cgroup_of(rundir)) is None


@everywhere
def test_another_process_can_adopt_a_running_sandbox(sandbox: SandboxStage) -> None:
    """What a restarted agent does: it knows the directory and nothing else."""
    rundir = _busy(sandbox)
    program = (
        "import pathlib, sys; from runners.sandboxes import shims; run = pathlib.Path(sys.argv[1])\n"
        "print(shims.alive(run), shims.outcome(run)); shims.cancel(run)\n"
        "while shims.alive(run): pass\n"
        "print(shims.outcome(run).facts.kill_reason)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, rundir],
        check=True,
        capture_output=True,
        text=True,
        timeout=10,
        cwd=Path(shims.__file__).parents[2],
    )
    assert answer.stdout == "True None\ncancel\n"
    assert sandbox.wait(rundir).verdict is Verdict.CANCELLED


@pytest.mark.parametrize("sandbox", [Sandbox.NSJAIL, Sandbox.DOCKER], indirect=True)
def test_a_run_outlives_the_process_that_started_it(sandbox: SandboxStage) -> None:
    """Started by a process that kills itself at once with SIGKILL, as an agent that crashed."""
    rundir = sandbox.launch("pass")
    sandbox.wait(rundir)
    settings = json.loads((rundir / "sandbox.json").read_text())["plan"]
    (sandbox.directory / f"{rundir.name}.py").chmod(0o644)
    (sandbox.directory / f"{rundir.name}.py").write_text(f"import time\ntime.sleep(0.5)\n{WRITE_OUTPUT}")
    second = sandbox.directory / f"second-{rundir.name}"
    second.mkdir(mode=0o700)
    sandbox.rundirs.append(second)
    program = (
        "import json, os, pathlib, sys; from runners.sandboxes import plan, shims\n"
        "shims.launch(pathlib.Path(sys.argv[1]), plan.SandboxPlan.from_json(json.loads(sys.argv[2])), sys.argv[3])\n"
        "os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, second, json.dumps(settings), sandbox.sandbox],
        check=False,
        timeout=10,
        cwd=Path(shims.__file__).parents[2],
    )
    assert ended.returncode == -signal.SIGKILL
    assert shims.alive(second)
    assert sandbox.wait(second).verdict is None


@pytest.mark.parametrize("sandbox", [Sandbox.NSJAIL], indirect=True)
def test_the_shim_refuses_to_run_outside_a_pid_namespace_of_its_own(
    sandbox: SandboxStage, tmp_path: Path
) -> None:
    """Its `kill(-1)` would take the host down."""
    good = sandbox.run(WRITE_OUTPUT)
    rundir = tmp_path / "by-hand"
    rundir.mkdir()
    (rundir / "sandbox.json").write_bytes((good.rundir / "sandbox.json").read_bytes())
    command = [sys.executable, "-m", "runners.shim", str(rundir)]
    subprocess.run(command, check=False, capture_output=True, timeout=10, cwd=Path(shims.__file__).parents[2])
    outcome = shims.outcome(rundir)
    assert outcome is not None
    assert "no pid namespace of its own" in outcome.error


def test_a_run_directory_that_cannot_name_a_cgroup_is_refused(sandbox: SandboxStage) -> None:
    good = sandbox.run(WRITE_OUTPUT)
    plan = SandboxPlan.from_json(json.loads((good.rundir / "sandbox.json").read_text())["plan"])
    odd = sandbox.directory / "odd name"
    odd.mkdir()
    with pytest.raises((SandboxError, ValueError)):
        shims.launch(odd, plan, sandbox.sandbox)


def test_a_run_that_was_never_launched_is_an_error_not_a_wait(tmp_path: Path) -> None:
    assert not shims.alive(tmp_path)
    outcome = shims.outcome(tmp_path)
    assert outcome is not None
    assert "never started" in outcome.error
