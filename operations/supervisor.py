"""Keeps the processes of one machine alive, and ends them all when it ends.

Theory of operation. Each process is a child in a session of its own, so a Ctrl-C in the terminal reaches the
supervisor alone and the order of ending stays ours:

    at once   the agent, the Celery processes and the publisher get SIGTERM; the agent gives its jobs back,
              for which it still needs the web process
    then      the web process (when those are gone, or after AGENT_GRACE_S)
    then      the broker
    at last   whoever is left at END_WITHIN_S gets SIGKILL

A supervisor that is killed itself cannot do this: the kernel then sends every child the signal it was
started with (operations.die_with_parent). A child that ends by itself is started again, after a pause that
doubles up to LONGEST_PAUSE_S while it keeps failing. One that fails before it was ever ready is a mistake of
the installation: after FAILURES_AT_START such ends the start fails, with the last words of its log. So does one that
runs and does not serve within SERVES_WITHIN_S, as a site does whose every answer is an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from operations.commands import dying_with_us, together
from operations.instance import Instance
from operations.layout import ROOT, Layout
from runners import saying

AGENT_GRACE_S = 2.0
END_WITHIN_S = 4.2
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
SETTLED_AFTER_S = 4.0  # a child that lived so long did not fail at its start
FAILURES_AT_START = 3
SERVES_WITHIN_S = 120.0  # at its first start, on a host however busy
LIST_AGAIN_S = 1.0
LOG_KEPT_BYTES = 10 * 1024 * 1024


class StartFailed(Exception):
    """A process could not be started; one line that names its log."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One long-lived process. `ready` answers whether it serves; None means: once it runs.

    `stage` says when it is told to end: 1 at once, 2 when those are gone, 3 last.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]] | None = None
    death_signal: signal.Signals = signal.SIGTERM
    stage: int = 1
    serves_within_s: float = SERVES_WITHIN_S


class Child:
    """A program that is kept running."""

    def __init__(
        self, program: Program, log: Path, *, on_change: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self.program = program
        self.log = log
        self.process: asyncio.subprocess.Process | None = None
        self.was_ready = asyncio.Event()
        self.failed: StartFailed | None = None
        self.restarts = 0
        self._on_change, self._say = on_change, say
        self._ending = False
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {program.name}")

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.returncode is None else None

    async def ready(self) -> None:
        """Return when the program has served for the first time. Raises StartFailed."""
        waiter = asyncio.create_task(self.was_ready.wait())
        within_s = self.program.serves_within_s
        ended, _ = await asyncio.wait(
            {waiter, self._keeper}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
        )
        waiter.cancel()
        if not ended:
            raise StartFailed(
                f"{self.program.name} runs and does not serve after {within_s:g} s: {last_words(self.log)} "
                f"(log: {self.log})"
            )
        if not self.was_ready.is_set():
            raise self.failed or StartFailed(f"{self.program.name} was stopped while it started")

    def tell_to_end(self) -> None:
        self._ending = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._ending = True
        self._signal(signal.SIGKILL)

    async def ended(self) -> None:
        await asyncio.wait({self._keeper})

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
        else:
            self._keeper.cancel()  # it sleeps between two starts

    async def _keep(self) -> None:
        pause, early_ends = FIRST_PAUSE_S, 0
        while True:
            began = time.monotonic()
            try:
                code: int | str = await self._run_once()
            except OSError as error:  # the machine has no room for one more file or process just now
                code = str(error)
            if self._ending:
                return
            early_ends = 0 if self.was_ready.is_set() else early_ends + 1
            if early_ends == FAILURES_AT_START:
                words = last_words(self.log)
                self.failed = StartFailed(
                    f"{self.program.name} does not start (exit {code}): {words} (log: {self.log})"
                )
                return
            if time.monotonic() - began > SETTLED_AFTER_S:
                pause = FIRST_PAUSE_S
            self._note(f"{self.program.name} ended (exit {code}); starting it again in {pause:.1f} s")
            self.restarts += 1
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _run_once(self) -> int:
        program = self.program
        with self.log.open("ab") as log:
            self.process = process = await asyncio.create_subprocess_exec(
                *dying_with_us(program.death_signal),
                *program.argv,
                cwd=ROOT,
                env=dict(program.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._on_change()
        watcher = asyncio.create_task(self._watch_ready(process))
        try:
            return await process.wait()
        finally:
            watcher.cancel()
            with contextlib.suppress(ProcessLookupError):  # what it started and left behind
                os.killpg(process.pid, signal.SIGKILL)

    async def _watch_ready(self, process: asyncio.subprocess.Process) -> None:
        if self.was_ready.is_set():
            return
        while self.program.ready is not None and not await self.program.ready():  # noqa: ASYNC110 - asks a process
            await asyncio.sleep(0.05)
        if process.returncode is None:
            self.was_ready.set()

    def _note(self, text: str) -> None:
        # A disk that is full for a while must not end the keeping.
        with contextlib.suppress(OSError):
            self._say(f"{text} (log: {self.log})")
        with contextlib.suppress(OSError), self.log.open("a", encoding="utf-8") as log:
            log.write(f"--- supervisor: {text}\n")


class Supervisor:
    """The children of one machine. `url` is what the list of processes tells others."""

    def __init__(self, layout: Layout, instance: Instance, url: str, say: Callable[[str], None]) -> None:
        self._layout, self._instance, self._url, self._say = layout, instance, url, say
        self.children: dict[str, Child] = {}

    def start(self, program: Program) -> Child:
        log = self._layout.logs / f"{program.name}.log"
        if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        child = Child(program, log, on_change=self._write_list, say=self._say)
        self.children[program.name] = child
        return child

    async def start_and_wait(self, *programs: Program) -> None:
        """Start programs side by side and return when all serve. Raises StartFailed."""
        await together(*(self.start(program).ready() for program in programs))

    async def stop(self) -> None:
        """End every child, in order, within END_WITHIN_S and a moment."""
        deadline = time.monotonic() + END_WITHIN_S
        for stage, grace in ((1, AGENT_GRACE_S), (2, END_WITHIN_S), (3, END_WITHIN_S)):
            children = [child for child in self.children.values() if child.program.stage == stage]
            for child in children:
                child.tell_to_end()
            left = max(0.1, min(grace, deadline - time.monotonic()))
            await self._wait(children, left)
        for child in self.children.values():
            child.kill()
        await self._wait(list(self.children.values()), 1.0)

    async def _wait(self, children: list[Child], seconds: float) -> None:
        if children:
            await asyncio.wait({asyncio.create_task(child.ended()) for child in children}, timeout=seconds)

    def _write_list(self) -> None:
        pids = {name: child.pid for name, child in self.children.items()}
        try:
            self._instance.write(self._url, {name: pid for name, pid in pids.items() if pid is not None})
        except OSError:  # a full disk; nothing of our own hangs on the list
            asyncio.get_running_loop().call_later(LIST_AGAIN_S, self._write_list)


def last_words(log: Path) -> str:
    """The last line of a log that says something."""
    with contextlib.suppress(OSError):
        text = log.read_bytes()[-4096:].decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("---")]
        if lines:
            return saying.inert(_readable(lines[-1])[:300])
    return "it said nothing"


def _readable(line: str) -> str:
    """What a line of the log says, without its frame of JSON."""
    try:
        said = json.loads(line)
        words = (said["event"], said.get("reason") or said.get("error"), said.get("exception"))
    except (ValueError, TypeError, KeyError, AttributeError):
        return line
    return ": ".join(str(word).strip().splitlines()[-1] for word in words if word)
