"""What is asked of a GPU driver, whichever it is: NVIDIA's own, or the list that a setting gives."""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import Any, Protocol

SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # of a device; names a file, use fullmatch


class DriverError(Exception):
    """The driver cannot be asked, or does not answer; the message is a sentence for an operator."""


class DeviceState(enum.StrEnum):
    """FREE alone may be leased. CLEANING: the last run has ended, but something of it is still on the device."""

    FREE = "free"
    LEASED = "leased"
    CLEANING = "cleaning"
    QUARANTINED = "quarantined"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A whole GPU, or an instance of one that MIG has divided."""

    id: str  # UUID
    name: str
    memory_mb: int
    driver: str = ""  # version
    nodes: tuple[str, ...] = ()  # device files that a program needs


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a device does now. `percent` None: it cannot tell its load, as an instance of MIG."""

    memory: int  # bytes
    percent: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A device in the words of the runner protocol."""

    device: Device
    state: DeviceState
    reason: str = ""  # why it is cleaning or quarantined

    def as_json(self) -> dict[str, Any]:
        told = {"id": self.device.id, "name": self.device.name, "memory_mb": self.device.memory_mb}
        return told | {"state": str(self.state)} | ({"reason": self.reason} if self.reason else {})


class Driver(Protocol):
    """Each question may raise DriverError, also after it was answered before: drivers are updated and cards fail."""

    def devices(self) -> list[Device]: ...

    def use(self, device: str) -> Use: ...

    def processes(self, device: str) -> int:
        """How many processes compute on the device."""
        ...
