"""One supervisor per var/: its lock, and the list of its processes for whoever comes after it.

The lock is the kernel's (flock), so it ends with its holder whatever ends that. The list names each process
by pid and start time: a supervisor that starts after a crash ends what the last one left, and never a
stranger that was given the same pid. Processes that Docker or systemd keeps alive (operations.starting) hold the same
lock together.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
from pathlib import Path
from typing import Any


class AlreadyRunning(Exception):
    """Another supervisor works on this var/; the message says which one."""


def join(run: Path) -> None:
    """Hold the lock beside others of our kind until this process ends, whatever program it becomes by exec."""
    descriptor = os.open(_lock(run), os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - takes it no other way
    with contextlib.suppress(BlockingIOError):  # a supervisor works beside us: its lock says as much
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def is_used(run: Path) -> bool:
    """Whether a supervisor or a process of its own works on this var/."""
    try:
        descriptor = os.open(_lock(run), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(run: Path) -> Path:
    return run / "supervisor.lock"


class Instance:
    def __init__(self, run: Path) -> None:
        self._lock_path = _lock(run)
        self._list_path = run / "processes.json"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Hold the lock until the process ends. Raises AlreadyRunning."""
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunning(self._who()) from None
        self._descriptor = descriptor
        self._end_leftovers()

    def write(self, url: str, pids: dict[str, int]) -> None:
        """Replace the list. `pids` is by process name."""
        body = {
            "supervisor": os.getpid(),
            "url": url,
            "processes": {name: {"pid": pid, "started": started_at(pid)} for name, pid in pids.items()},
        }
        fresh = self._list_path.with_suffix(".new")
        fresh.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
        fresh.replace(self._list_path)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._list_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _who(self) -> str:
        known = self._read()
        return (
            f"it is already running on this folder ({known.get('url', 'starting')}, process "
            f"{known.get('supervisor', 'unknown')}): use that one, or stop it with Ctrl-C in its terminal."
        )

    def _end_leftovers(self) -> None:
        for entry in self._read().get("processes", {}).values():
            pid, started = int(entry["pid"]), entry["started"]
            if started is not None and started_at(pid) == started:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)


def started_at(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when it is gone or only waits to be buried."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before may hold anything
    return None if fields[0] in "ZX" else int(fields[19])
