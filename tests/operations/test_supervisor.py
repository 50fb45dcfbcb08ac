"""The supervisor with small real programs."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from operations.instance import AlreadyRunning, Instance, started_at
from operations.layout import SOCKET_PATH_LIMIT, Layout, keep_secret
from operations.supervisor import Program, StartFailed, Supervisor
from tests.stack import ROOT, eventually

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def layout_in(folder: Path) -> Layout:
    made = Layout(var=folder, environments=folder / "environments")
    made.make()
    return made


def shell(name: str, script: str, ready: Callable[[], Awaitable[bool]] | None = None) -> Program:
    return Program(name=name, argv=("/bin/sh", "-c", script), environment=ENVIRONMENT, ready=ready)


def supervisor_in(folder: Path) -> tuple[Supervisor, list[str]]:
    said: list[str] = []
    layout = layout_in(folder)
    return Supervisor(layout, Instance(layout.run), "http://127.0.0.1:1", said.append), said


async def until(look: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not look():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)  # another process is awaited: there is no event


def test_a_program_that_ends_is_started_again_and_said_to_be(tmp_path: Path) -> None:
    async def story() -> None:
        supervisor, said = supervisor_in(tmp_path)
        child = supervisor.start(shell("sleeper", "echo hello; exec sleep 60"))
        await child.ready()
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.pid not in {None, first})
        assert child.restarts == 1
        assert said[0].startswith("sleeper ended (exit -9)")
        await supervisor.stop()
        assert child.pid is None

    asyncio.run(story())


def test_a_program_that_never_comes_up_fails_the_start_with_its_last_words(tmp_path: Path) -> None:
    async def story() -> None:
        supervisor, _ = supervisor_in(tmp_path)

        async def never() -> bool:
            return False

        with pytest.raises(StartFailed, match=r"broken does not start .exit 7.: no such database"):
            await supervisor.start_and_wait(shell("broken", "echo no such database >&2; exit 7", never))
        await supervisor.stop()

    asyncio.run(story())


def test_a_program_that_runs_and_never_serves_fails_the_start_with_its_last_words(tmp_path: Path) -> None:
    async def story() -> None:
        supervisor, _ = supervisor_in(tmp_path)

        async def never() -> bool:
            return False

        program = shell("broken", "echo every answer is an error; exec sleep 60", never)
        with pytest.raises(StartFailed, match=r"broken runs and does not serve after 1 s: every answer is"):
            await supervisor.start_and_wait(dataclasses.replace(program, serves_within_s=1))
        await supervisor.stop()
        assert supervisor.children["broken"].pid is None

    asyncio.run(story())


def test_a_program_deaf_to_sigterm_is_gone_with_its_children(tmp_path: Path) -> None:
    async def story() -> None:
        supervisor, _ = supervisor_in(tmp_path)
        pids = tmp_path / "pids"
        script = f"trap '' TERM; sleep 60 & echo $! > {pids}; while :; do sleep 60; done"
        child = supervisor.start(shell("deaf", script))
        await child.ready()
        await until(lambda: pids.exists() and pids.read_text().strip() != "")
        began = time.monotonic()
        await supervisor.stop()
        assert time.monotonic() - began < 15
        assert child.pid is None
        await until(lambda: started_at(int(pids.read_text())) is None, within_s=10)

    asyncio.run(story())


def test_a_killed_supervisor_takes_its_programs_along(tmp_path: Path) -> None:
    program = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from tests.operations.test_supervisor import shell, supervisor_in
async def story():
    supervisor, _ = supervisor_in(Path({str(tmp_path)!r}))
    child = supervisor.start(shell("sleeper", "exec sleep 60"))
    await child.ready()
    print(child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(story())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        # From then on only the kernel's promise can end it.
        command = Path(f"/proc/{pid}/cmdline")
        eventually(lambda: command.read_bytes().startswith(b"sleep"), within_s=5, what="the sleeper sleeps")
        parent.kill()
    eventually(lambda: started_at(pid) is None, within_s=5, what="the sleeper is gone")


def test_what_a_crashed_supervisor_left_is_ended_by_the_next_and_strangers_are_not(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    with (
        subprocess.Popen(["sleep", "60"], start_new_session=True) as leftover,
        subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger,
    ):
        Instance(layout.run).write("http://127.0.0.1:1", {"web": leftover.pid, "agent": stranger.pid})
        listed = (layout.run / "processes.json").read_text()
        start = str(started_at(stranger.pid))
        # The stranger was given the pid of a process that started earlier.
        before, found, after = listed.rpartition(start)
        (layout.run / "processes.json").write_text(f"{before}{int(found) - 1}{after}")
        Instance(layout.run).take()
        assert leftover.wait(timeout=5) == -signal.SIGKILL
        assert stranger.poll() is None
        stranger.kill()


def test_one_var_has_one_supervisor(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    first = Instance(layout.run)
    first.take()
    first.write("http://127.0.0.1:8000", {})
    with pytest.raises(AlreadyRunning, match=rf"8000, process {os.getpid()}"):
        Instance(layout.run).take()


def test_a_deep_var_gets_a_short_private_folder_for_its_socket(tmp_path: Path) -> None:
    shallow = Layout(var=Path("/srv/podium/var"), environments=tmp_path)
    assert shallow.socket() == Path("/srv/podium/var/run/valkey.sock")
    deep = Layout(var=tmp_path / ("d" * SOCKET_PATH_LIMIT), environments=tmp_path)
    found = deep.socket()
    try:
        assert len(str(found)) <= SOCKET_PATH_LIMIT
        assert found.parent.stat().st_mode & 0o077 == 0
        assert deep.socket() == found
    finally:
        found.parent.rmdir()


def test_a_kept_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    keep_secret(tmp_path / "pools" / "cpu", "token")
    assert (tmp_path / "pools" / "cpu").stat().st_mode & 0o777 == 0o600
