"""Processes beside those of the stack's supervisor: a second web process with a clock of its own, a second host.

Both are started as the supervisor started theirs (their command and environment are read from the kernel) with a few
settings changed, and started again whenever they end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from operations import commands
from tests.stack import ROOT, Stack, free_port

FAKETIME = "*/faketime/libfaketime.so.1"


class Kept:
    """A process that is started again whenever it ends, until `close`."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._argv, self._environment, self._log = list(argv), dict(environment), log
        self._closing = threading.Event()
        self._process = self._start()
        self.starts = 1
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def close(self) -> None:
        self._closing.set()
        self.kill(signal.SIGCONT)
        self.kill(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        self._keeper.join(10)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._argv, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _keep(self) -> None:
        while True:
            self._process.wait()
            time.sleep(0.3)
            if self._closing.is_set():
                return
            self._process = self._start()
            self.starts += 1


def command_of(pid: int) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of a running process."""
    process = Path("/proc") / str(pid)
    words = (process / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
    if str(commands.DIE_WITH_PARENT) in words:  # it was stopped before it became its program
        words = words[words.index(str(commands.DIE_WITH_PARENT)) + 3 :]
    pairs = (process / "environ").read_bytes().decode().rstrip("\0").split("\0")
    return words, dict(pair.partition("=")[::2] for pair in pairs)


class Clock:
    """The clock of one process: `move` shifts what it takes for the time of day; timers go on as they are."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.move(0)

    def move(self, seconds: int) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{seconds:+d}s\n")
        draft.replace(self._file)

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": _faketime(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # it makes every switch of Python's threads slow
        }


def _faketime() -> str:
    found = next(Path("/usr/lib").glob(FAKETIME), None)
    if found is None:
        pytest.skip("clocks are moved by libfaketime: apt-get install faketime")
    return str(found)


def second_web(stack: Stack, clock: Clock, log: Path) -> tuple[Kept, int]:
    """Another web process of the same site, and its port."""
    words, told = command_of(stack.pid("web"))
    port = free_port()
    words[words.index("--port") + 1] = str(port)
    return Kept(words, told | clock.environment(), log), port


def second_host(stack: Stack, site_url: str, folder: Path, log: Path) -> Kept:
    """Another runner host, which reaches the site at `site_url` and hears the bell on the broker."""
    words, told = command_of(stack.pid("agent"))
    told |= {"PODIUM_AGENT_DIR": str(folder), "PODIUM_AGENT_HOST": "second", "PODIUM_SITE_URL": site_url}
    return Kept(words, told, log)
