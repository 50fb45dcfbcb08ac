"""The real processes of one machine: how they start, end, and come back."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from operations.instance import started_at
from operations.layout import Layout
from operations.processes import Machine
from tests.stack import PERFECT, ROOT, Stack, eventually, running_stack

NAMES = {"broker", "web", "judge", "beat", "publisher", "agent"}
SLEEPS = b"import time\nprint('sleeping', flush=True)\ntime.sleep(55)\n"

pytestmark = [pytest.mark.sandbox, pytest.mark.once]


@pytest.fixture(scope="module")
def machine(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own: these tests end it as a whole."""
    with running_stack(tmp_path_factory.mktemp("machine")) as started:
        yield started


def sandboxes(machine: Stack) -> list[int]:
    """Pids of shims that run."""
    return [shim["pid"] for shim in machine.shims() if started_at(shim["pid"]) is not None]


def test_all_processes_run_and_a_score_arrives(machine: Stack) -> None:
    assert set(machine.processes()) == NAMES
    assert machine.wait_verdict(machine.submit(PERFECT))["public_score"] == 1.0


def test_a_second_supervisor_on_the_same_folder_is_refused(machine: Stack) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", "--port", str(machine.port + 1)],
        cwd=ROOT,
        env=machine.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert machine.supervisor is not None
    assert done.stderr.startswith(
        f"Podium: it is already running on this folder ({machine.url}, process {machine.supervisor.pid}): use that"
    )
    assert done.stderr.count("\n") == 1


def test_every_process_comes_back_after_kill_9(machine: Stack) -> None:
    for name in sorted(NAMES):
        machine.wait_restarted(name, machine.kill(name))
    assert machine.wait_verdict(machine.submit(PERFECT, user="bob"), user="bob")["verdict"] == "SCORED"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_takes_everything_along_and_loses_nothing(machine: Stack, number: signal.Signals) -> None:
    submission = machine.submit(SLEEPS, user="carol")
    machine.wait_status(submission, "RUNNING", user="carol")
    eventually(lambda: sandboxes(machine), what="the sandbox runs")
    running = sandboxes(machine)
    assert machine.stop(number) < 15  # two to four seconds where nothing else computes
    eventually(
        lambda: not [pid for pid in running if started_at(pid)], within_s=10, what="no sandbox is left"
    )
    machine.start()
    again = machine.wait_status(submission, "RUNNING", user="carol")
    assert again["verdict"] is None
    with machine.client("carol") as client:
        assert client.post(f"/api/v1/submissions/{submission}/cancel/").status_code == httpx.codes.OK
    assert machine.wait_verdict(submission, user="carol")["verdict"] == "CANCELLED"


def test_secrets_and_the_brokers_socket_are_private(machine: Stack) -> None:
    folder = machine.var / "secrets"
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in kept} >= {"secret_key", "cpu", "scoring"}
    assert {path.stat().st_mode & 0o077 for path in (folder, *kept)} == {0}
    if "PODIUM_REDIS_URL" not in machine.environment:  # else it is not ours
        socket = Path(machine.environment.get("PODIUM_VAR", "")) / "run" / "valkey.sock"
        assert socket.stat().st_mode & 0o077 == 0


def test_the_agent_is_not_told_the_sites_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_SECRET_KEY", "not-for-agents")
    monkeypatch.setenv("PODIUM_DATABASE_URL", "postgresql://user:password@db/podium")
    told = Machine(layout=Layout(var=tmp_path, environments=tmp_path), port=1).agent_environment()
    assert {"PODIUM_SECRET_KEY", "PODIUM_DATABASE_URL"} & set(told) == set()
    assert told["PODIUM_AGENT_STOP"] == "kill"
