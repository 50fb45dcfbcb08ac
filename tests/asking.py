"""Python with Django set up on a stack's database, for tests to ask and arrange with.

Setting Django up takes more than a second of processor time, and a whole pass of the tests asks hundreds of times. So
one process for each stack does it once (`python -m tests.asking`), and each program runs in a fork of it: it begins
with what every other began with, and with a connection of its own to the database.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
import weakref
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Asker:
    """Runs programs, one after the other. What it was told when it began holds: settings, and files they name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._one = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.asking"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # ended as a whole, with a program that is under way
        )
        self.close = weakref.finalize(self, _end, self._process)

    def run(self, program: str, *, within_s: float) -> str:
        """What it prints. Raises AssertionError with what it says when it fails, TimeoutError."""
        with self._one, tempfile.TemporaryDirectory(prefix="podium-asked-") as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            asked = {"program": program, "out": str(out), "err": str(err)}
            with contextlib.suppress(BrokenPipeError):  # then there is no answer either
                self._process.stdin.write(json.dumps(asked).encode() + b"\n")
                self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], within_s)[0]:
                self.close()
                raise TimeoutError(program)
            status = self._process.stdout.readline().strip()
            if not status:
                self.close()
            assert status == b"0", err.read_text() if err.exists() else "Django was not set up: see stderr"
            return out.read_text()


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def _serve() -> None:
    import django  # noqa: PLC0415 - only here: the tests' own process has another database

    django.setup()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(**asked)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201 - the answer


def _become(program: str, out: str, err: str) -> None:
    """Run the program and end, without waiting for threads it leaves behind."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), number)
    status = 1
    try:
        exec(compile(program, "<asked>", "exec"), {"__name__": "__main__"})
        status = 0
    except BaseException:  # noqa: BLE001 - told to whoever asked
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve()
