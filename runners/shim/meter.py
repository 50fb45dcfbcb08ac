"""What a run's GPUs do: their memory and load, asked of the driver a few times a second.

Theory of operation. A thread of its own asks, because a driver may take seconds to answer, above all to the first
question, and the supervisor has a wall limit to keep. It starts when the program has started: until then the shim
forks, and a process that forks should have one thread. It never ends by itself: it dies with the shim. Whatever the
driver does, the run goes on; a curve then has a gap. Figures are for eyes: no verdict is made of them.
"""

from __future__ import annotations

import threading
import time

from runners.gpu.driver import Driver, DriverError, Use
from runners.sandboxes.plan import SandboxPlan

GAP_S = 0.25
RETRY_S = 2.0
STALE_S = 3.0  # how long a figure stands for now


class Meter:
    """`now` is the last figure, of all devices together; `peak` the most memory seen."""

    def __init__(self, plan: SandboxPlan) -> None:
        self.peak = 0
        self._devices, self._access = plan.devices, plan.access
        self._now: tuple[int, float] | None = None
        self._taken_at = 0.0

    def start(self) -> None:
        """Begin to ask; nothing happens for a run without devices."""
        if self._devices and self._access is not None:
            threading.Thread(target=self._ask, name="meter", daemon=True).start()

    def now(self) -> tuple[int, float] | None:
        """Bytes and percent; None while the driver tells neither."""
        return self._now if time.monotonic() - self._taken_at < STALE_S else None

    def _ask(self) -> None:
        # What asks a driver is of no use to all other runs, whose shims should start quickly.
        from runners.gpu.choice import open_driver  # noqa: PLC0415

        try:
            driver = open_driver(self._access.source, self._access.pynvml) if self._access else None
        except ValueError:
            return
        while driver is not None:
            time.sleep(GAP_S if self._look(driver) else RETRY_S)

    def _look(self, driver: Driver) -> bool:
        try:
            uses = [driver.use(device) for device in self._devices]
        except (DriverError, ValueError):
            return False
        self._take(uses)
        return True

    def _take(self, uses: list[Use]) -> None:
        memory = sum(use.memory for use in uses)
        loads = [use.percent for use in uses if use.percent is not None]
        self.peak = max(self.peak, memory)
        if len(loads) == len(uses):  # an instance of MIG tells no load, and half a point is none
            self._now, self._taken_at = (memory, sum(loads) / len(loads)), time.monotonic()
