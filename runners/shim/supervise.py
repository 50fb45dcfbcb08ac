"""Keep a running body's limits, and have everything dead at the end.

Theory of operation. One loop waits for the log, the end of the program and a tick of TICK_S, in which the limits
that are ours are held against fresh samples. All times are CLOCK_MONOTONIC.
"""

from __future__ import annotations

import dataclasses
import selectors
import time
from collections.abc import Callable

from runners.shim.body import Body
from runners.shim.drain import Drain
from runners.shim.gauges import Gauges, Sample
from runners.spec import Limits
from runners.verdict import KillReason

TICK_S = 0.05
_MIB = 1 << 20


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

    def run(self, body: Body) -> Ending:
        """Wait for the end of the program or end it; afterwards every process of the run is dead."""
        started = time.monotonic()
        try:
            reason, ended = self._wait(body.end, started)
        finally:
            body.kill()
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

    def _wait(self, end: int, started: float) -> tuple[KillReason, float]:
        next_tick = started
        with selectors.DefaultSelector() as selector:
            selector.register(end, selectors.EVENT_READ)
            stream = selector.register(self._drain.stream, selectors.EVENT_READ).fd
            while True:
                ready = [key.fd for key, _ in selector.select(max(0.0, next_tick - time.monotonic()))]
                if stream in ready:
                    self._drain.read()
                    if self._drain.closed:
                        selector.unregister(stream)
                now = time.monotonic()
                if end in ready:
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
