"""A daemon that is stopped, killed, restarted or interfered with: runs end as our fault, and nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from runners.sandboxes import cgroups, shims
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.docker_flags import CONTAINER_LABEL
from runners.sandboxes.engine import Engine, EngineError
from tests.docker import why_not
from tests.runners.docker_stage import OwnDaemon, own_daemon, sleeper
from tests.runners.sandbox_stage import SandboxStage, until

pytestmark = [pytest.mark.sandbox, pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can")]
_SLEEP = "print('up')\nimport time\ntime.sleep(60)"


def _started(daemon: OwnDaemon, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODIUM_DOCKER_HOST", daemon.host)
    rundir, plan = sleeper(directory)
    shims.launch(rundir, plan, Sandbox.DOCKER)
    log = rundir / "log"
    until(lambda: log.exists() and log.read_bytes() == b"up\n", (rundir / "shim.err").read_text() or "up")
    return rundir


def _mounts(rundir: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in lines if str(rundir) in line]


@pytest.mark.parametrize("live_restore", [False, True], ids=["", "live-restore"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_daemon_that_goes_away_is_our_fault_and_never_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, *, live_restore: bool
) -> None:
    with own_daemon(live_restore=live_restore) as daemon:
        rundir = _started(daemon, tmp_path, monkeypatch)
        daemon.end(number)
        until(lambda: not shims.alive(rundir), "the shim to end", within_s=40)
        outcome = shims.outcome(rundir)
        assert outcome is not None
        assert outcome.facts is None
        assert "Docker daemon" in outcome.error or "somebody else ended" in outcome.error
        assert cgroups.left_over(rundir.name) is None
        with pytest.raises(EngineError, match="does not answer"):
            shims.reap(rundir)  # the agent tries again at its next start
        daemon.start()
        shims.reap(rundir)
        assert daemon.engine.labelled(CONTAINER_LABEL) == []
        assert _mounts(rundir) == []


def test_a_shim_and_a_daemon_that_are_killed_together_leave_nothing_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_daemon() as daemon:
        rundir = _started(daemon, tmp_path, monkeypatch)
        daemon.end(signal.SIGKILL)
        with pytest.raises(EngineError):
            shims.reap(rundir)
        left = cgroups.left_over(rundir.name)
        assert left is None or left.processes() == []
        daemon.start()
        shims.reap(rundir)
        assert daemon.engine.labelled(CONTAINER_LABEL) == []
        assert cgroups.left_over(rundir.name) is None
        assert _mounts(rundir) == []


@pytest.mark.parametrize("sandbox", [Sandbox.DOCKER, Sandbox.RUNSC], indirect=True)
@pytest.mark.parametrize("verb", ["kill", "stop --time 1", "rm --force"])
def test_an_operator_who_ends_a_container_is_no_verdict_on_its_program(
    sandbox: SandboxStage, verb: str
) -> None:
    rundir = sandbox.launch(_SLEEP, wall_s=30)
    sandbox.until_logged(rundir, b"up")
    command = ["docker", "-H", sandbox.docker_host, *verb.split(), f"podium-{rundir.name}"]
    subprocess.run(command, check=True, capture_output=True)
    outcome = sandbox.wait(rundir).outcome
    assert outcome.facts is None
    assert "somebody else ended the container" in outcome.error or "Docker daemon" in outcome.error


@pytest.mark.parametrize("sandbox", [Sandbox.DOCKER, Sandbox.RUNSC], indirect=True)
def test_a_killed_shim_leaves_a_container_that_reap_finds_by_the_name_of_the_attempt(
    sandbox: SandboxStage,
) -> None:
    rundir = sandbox.launch(_SLEEP, wall_s=30)
    sandbox.until_logged(rundir, b"up")
    daemon = Engine(sandbox.docker_host)
    container = f"podium-{rundir.name}"
    assert daemon.labelled(f"{CONTAINER_LABEL}={container}") == [container]
    assert len(_mounts(rundir)) >= 2
    os.kill(json.loads((rundir / "shim.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: not shims.alive(rundir), "the shim to die")
    assert daemon.labelled(f"{CONTAINER_LABEL}={container}") == [container]
    shims.reap(rundir)
    assert daemon.labelled(f"{CONTAINER_LABEL}={container}") == []
    assert _mounts(rundir) == []
