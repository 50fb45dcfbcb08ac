"""Start nsjail, keep its limits, and have everything dead at the end.

Theory of operation. The shim is pid 1 of a pid namespace that holds this run and nothing else. So `kill(-1)`
reaches every process of the run at once, whatever it forks, stops or ignores; and when the shim itself dies,
the kernel kills the namespace. One loop waits for the log pipe, the end of nsjail and a tick of TICK_S, in
which the limits that are ours are held against fresh samples. All times are CLOCK_MONOTONIC.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from runners.sandboxes.plan import SandboxError
from runners.shim.drain import Drain
from runners.shim.gauges import Gauges, Sample
from runners.spec import Limits
from runners.verdict import KillReason

TICK_S = 0.05
DEATH_S = 4.0  # from SIGKILL to the last process; a run ends within its wall limit + 5 s
_MIB = 1 << 20
_ENDED = re.compile(
    r"^\[I\]\[[^]]+\] pid=\d+ \(\[STANDALONE MODE\]\) "
    r"(?:exited with status: (?P<code>\d+)|terminated with signal: \S+ \((?P<signal>\d+)\))",
    re.MULTILINE,
)
_NOT_STARTED = "Couldn't launch the child process"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the supervised run ended. `memory` and `disk` are the highest figures sampled."""

    reason: KillReason
    wall_s: float
    last: Sample
    memory: int
    disk: int
    disk_full: bool


class Supervisor:
    """Holds one run to its limits. `cancelled` is asked and `report` told of a fresh sample at every tick."""

    def __init__(
        self,
        limits: Limits,
        gauges: Gauges,
        drain: Drain,
        *,
        cancelled: Callable[[], bool],
        report: Callable[[float, Sample], None],
    ) -> None:
        self._limits = limits
        self._gauges = gauges
        self._drain = drain
        self._cancelled = cancelled
        self._report = report
        self._memory = self._disk = 0
        self._disk_full = False

    def run(self, process: subprocess.Popen[bytes]) -> Ending:
        """Wait for the end of `process` or end it; afterwards nothing but us is left in the namespace."""
        started = time.monotonic()
        pidfd = os.pidfd_open(process.pid)
        try:
            reason, ended = self._wait(pidfd, started)
        finally:
            os.close(pidfd)
            kill_all()
        last = self._sample()
        if last.oom_kills and reason is KillReason.NONE:
            reason = KillReason.MEMORY  # as if we had looked a moment earlier: the same run, the same verdict
        return Ending(
            reason=reason,
            wall_s=ended - started,
            last=last,
            memory=self._memory,
            disk=self._disk,
            disk_full=self._disk_full,
        )

    def _wait(self, pidfd: int, started: float) -> tuple[KillReason, float]:
        next_tick = started
        with selectors.DefaultSelector() as selector:
            selector.register(pidfd, selectors.EVENT_READ)
            selector.register(self._drain.pipe, selectors.EVENT_READ)
            while True:
                ready = [key.fd for key, _ in selector.select(max(0.0, next_tick - time.monotonic()))]
                if self._drain.pipe in ready:
                    self._drain.read()
                    if self._drain.closed:
                        selector.unregister(self._drain.pipe)
                now = time.monotonic()
                if pidfd in ready:
                    return KillReason.NONE, now
                if now >= next_tick:
                    reason = self._judge(now - started)
                    if reason is not KillReason.NONE:
                        return reason, now
                    next_tick = min(now + TICK_S, started + self._limits.wall_s)

    def _judge(self, wall_s: float) -> KillReason:
        limits, sample = self._limits, self._sample()
        self._report(wall_s, sample)
        checks = (
            (self._cancelled(), KillReason.CANCEL),
            (sample.oom_kills > 0 or sample.memory > limits.memory_mb * _MIB, KillReason.MEMORY),
            (wall_s >= limits.wall_s, KillReason.WALL),
            (sample.cpu_s > limits.cpu_s, KillReason.CPU),
            (self._drain.flooded, KillReason.LOG_FLOOD),
            # A pool that meets the limit fails a few times; this many refusals are a fork bomb.
            (sample.refused_forks > 1000 + 10 * limits.pids, KillReason.PIDS),
        )
        return next((reason for holds, reason in checks if holds), KillReason.NONE)

    def _sample(self) -> Sample:
        sample = self._gauges.sample()
        self._memory = max(self._memory, sample.memory)
        self._disk = max(self._disk, sample.disk)
        self._disk_full = self._disk_full or sample.disk_full
        return sample


def kill_all() -> None:
    """SIGKILL every process of our pid namespace and wait for the last. Raises SandboxError after DEATH_S."""
    if os.getpid() != 1:  # kill(-1) anywhere else would take the host down
        raise SandboxError("the shim must be the first process of a pid namespace")
    deadline = time.monotonic() + DEATH_S
    while True:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        if time.monotonic() > deadline:
            raise SandboxError(f"processes of the run did not end within {DEATH_S:g} s of SIGKILL")
        time.sleep(0.002)


def how_it_ended(log: Path, *, killed: bool) -> tuple[int | None, int | None]:
    """(exit code, signal) of the program, from nsjail's own log, which the program cannot reach.

    nsjail's exit status would not tell an exit code of 137 from a SIGKILL. Raises SandboxError when the
    program was never started.
    """
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    found = _ENDED.search(text)
    if found and _NOT_STARTED not in text:
        code, number = found["code"], found["signal"]
        return (int(code), None) if code is not None else (None, int(number))
    if killed:
        return None, int(signal.SIGKILL)
    complaints = [line for line in text.splitlines() if line[:3] in ("[W]", "[E]", "[F]")]
    raise SandboxError(
        "nsjail did not start the program: " + (" | ".join(complaints[:4]) or "no reason given")
    )
