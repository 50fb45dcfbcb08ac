"""The devices of this host between two runs: which are free, which are not yet clean, which are out of service.

Theory of operation. A free device is one that is leased to nobody and clean: no process computes on it, hardly
any of its memory is in use, and its device files are there. There is no quota of a GPU's memory, so what the
last run left would be missing to the next. A device that is not clean is looked at again and again for
CLEAN_WITHIN_S, because a killed process is gone a moment before its memory is; then it is quarantined, and
looked at once a minute. Nothing of this is kept on disk: the device itself tells.

A slot that asks for a job has every free device leased while it asks (`offer`), and keeps as many as the job
needs. Two slots never count the same device, a job gets all of its devices or is not asked for, and nobody
waits for one device while holding another. Asking is one at a time on a host with devices, so a slot never asks
with none because another is just asking with all.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from runners.gpu.driver import Device, DeviceState, Driver, DriverError, Report
from runners.gpu.leases import Lease, Leases

CLEAN_WITHIN_S = 10.0
LOOK_AGAIN_S = 60.0  # at a quarantined device
_MIB = 1 << 20
_MEND = "end what uses it, or reset it while no run is on it: nvidia-smi --gpu-reset -i <id>"


class Log(Protocol):
    """What structlog's loggers do; this package imports the standard library alone."""

    def info(self, event: str, /, **facts: Any) -> Any: ...

    def warning(self, event: str, /, **facts: Any) -> Any: ...

    def error(self, event: str, /, **facts: Any) -> Any: ...


class NotOffered(Exception):
    """A job needs more devices than its claim offered."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """The devices of one job, from its claim until its shim has them."""

    devices: tuple[Device, ...] = ()
    leases: tuple[Lease, ...] = ()

    def assign(self, run: str) -> None:
        """Write down whose they are; before the shim starts."""
        for lease in self.leases:
            lease.assign(run)

    def let_go(self) -> None:
        """Leave them to whoever inherited the leases; harmless when that is done."""
        for lease in self.leases:
            lease.let_go()


class Offer:
    """The devices a claim may count on."""

    def __init__(self, reports: Sequence[Report], leases: list[Lease], known: dict[str, Device]) -> None:
        self.told: list[dict[str, Any]] = [report.as_json() for report in reports]
        self._leases, self._known = leases, known

    def keep(self, count: int) -> Kept:
        """`count` devices, now the caller's to let go of. Raises NotOffered."""
        if count > len(self._leases):
            raise NotOffered(f"the job needs {count} devices, and {len(self._leases)} were offered")
        kept, self._leases = self._leases[:count], self._leases[count:]
        return Kept(tuple(self._known[lease.device] for lease in kept), tuple(kept))

    def withdraw(self) -> None:
        for lease in self._leases:
            lease.let_go()
        self._leases = []


class Keeper:
    """Safe to use from many threads. `driver` None: a host without devices, on which all of this costs nothing."""

    def __init__(
        self,
        driver: Driver | None,
        leases: Leases,
        *,
        clean_mb: int,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._driver, self._leases, self._clean_mb = driver, leases, clean_mb
        self._log, self._clock = log, clock
        self._asking = threading.Lock()
        self._known: dict[
            str, Device
        ] = {}  # all that were ever listed: one that is gone is missed, not forgotten
        self._failure = ""
        self._unclean_since: dict[str, float] = {}
        self._quarantined: dict[str, tuple[float, str]] = {}  # when it is looked at again, and why

    @contextmanager
    def offer(self, *, any_at_all: bool = True) -> Iterator[Offer]:
        """Every free device, leased until the block ends or the offer's `keep` takes it out."""
        if self._driver is None or not any_at_all:
            yield Offer((), [], {})
            return
        with self._asking:
            reports, leases = self._look(self._driver)
            offered = Offer(reports, leases, self._known)
            try:
                yield offered
            finally:
                offered.withdraw()

    def report(self) -> list[dict[str, Any]]:
        """The devices and their states now."""
        with self.offer() as offered:
            return offered.told

    def _look(self, driver: Driver) -> tuple[list[Report], list[Lease]]:
        missing = self._list(driver)
        reports, leases = [], []
        for device in self._known.values():
            lease = self._leases.take(device.id)
            if lease is None:
                self._unclean_since.pop(device.id, None)
                self._quarantined.pop(device.id, None)
                reports.append(Report(device=device, state=DeviceState.LEASED))
                continue
            state, reason = self._state(driver, device, missing.get(device.id, ""))
            if state is DeviceState.FREE:
                leases.append(lease)
            else:
                lease.let_go()
            reports.append(Report(device=device, state=state, reason=reason))
        return reports, leases

    def _list(self, driver: Driver) -> dict[str, str]:
        """Learn of new devices; of those known that are not listed any more, why."""
        try:
            listed = {device.id: device for device in driver.devices()}
            why = "the driver does not list it any more"
        except DriverError as error:
            listed, why = {}, str(error)
            if why != self._failure:
                self._log.warning("devices not listed", reason=why)
        for device in listed.values():
            if device.id not in self._known:
                self._log.info("device", id=device.id, name=device.name, memory_mb=device.memory_mb)
        self._failure = "" if listed else why
        self._known |= listed
        return {device: why for device in self._known if device not in listed}

    def _state(self, driver: Driver, device: Device, missing: str) -> tuple[DeviceState, str]:
        now = self._clock()
        again_at, reason = self._quarantined.get(device.id, (0.0, ""))
        if reason and now < again_at:
            return DeviceState.QUARANTINED, reason
        reason = missing or self._dirt(driver, device)
        if not reason:
            if self._quarantined.pop(device.id, None):
                self._log.info("device clean again", id=device.id)
            self._unclean_since.pop(device.id, None)
            return DeviceState.FREE, ""
        since = self._unclean_since.setdefault(device.id, now)
        if now - since < CLEAN_WITHIN_S and not missing:
            return DeviceState.CLEANING, reason
        if device.id not in self._quarantined:
            self._log.error("device quarantined", id=device.id, reason=reason, mend=_MEND)
        self._quarantined[device.id] = (now + LOOK_AGAIN_S, reason)
        return DeviceState.QUARANTINED, reason

    def _dirt(self, driver: Driver, device: Device) -> str:
        """What is wrong with a device that no run has; empty when it is clean."""
        try:
            processes = driver.processes(device.id)
            used = driver.use(device.id).memory // _MIB
        except (DriverError, ValueError) as error:
            return str(error)
        if absent := next((node for node in device.nodes if not Path(node).exists()), ""):
            return f"{absent} is missing: run nvidia-modprobe -u -c 0 on the host"
        if processes:
            return f"processes that compute on it: {processes}"
        return f"{used} MB of its memory are in use" if used > self._clean_mb else ""
