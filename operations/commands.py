"""Running one command to its end, beside the long-lived processes of the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from operations.layout import ROOT
from runners import saying

DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")


class CommandFailed(Exception):
    """A command ended with an error; the text is its last line, meant for the operator."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def dying_with_us(number: signal.Signals) -> tuple[str, ...]:
    """What to put before a command so that the kernel sends it this signal when the calling process dies."""
    return (sys.executable, "-I", "-S", str(DIE_WITH_PARENT), str(int(number)), str(os.getpid()))


async def together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run coroutines side by side; when one fails or the caller is cancelled, all have ended before this raises."""
    tasks = [asyncio.create_task(item) for item in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    log: Path,
    on_line: Callable[[str], None] = lambda _line: None,
) -> None:
    """Run a command; each line it prints goes to `log` and `on_line`. Raises CommandFailed.

    When the caller is cancelled, the command and all it started are ended first.
    """
    process = await asyncio.create_subprocess_exec(
        *dying_with_us(signal.SIGTERM),
        *argv,
        cwd=ROOT,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        last = await _read(process, log, on_line)
        code = await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    if code != 0:
        raise CommandFailed(last or f"{' '.join(argv)} ended with exit status {code}", code)


async def _read(process: asyncio.subprocess.Process, log: Path, on_line: Callable[[str], None]) -> str:
    assert process.stdout is not None  # noqa: S101 - for the type checker: PIPE was asked for
    last = ""
    with log.open("a", encoding="utf-8") as file:
        async for raw in process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            file.write(saying.struck(line) + "\n")  # one of them makes the first administrator
            if line:
                last = line
                on_line(line)
    return last


async def _end(process: asyncio.subprocess.Process) -> None:
    for number, seconds in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 1.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
            return
