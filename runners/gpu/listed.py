"""Devices that a setting lists: for hosts without a GPU, on which the scheduling is to be tried.

`fake0:16384,fake1:16384` names devices that are always clean. `table:/path.json` reads a file at each question, so what
it says may change while runs go on:

    {"devices": [{"id": "fake0", "memory_mb": 16384, "name"?, "used_mb"?, "percent"?, "processes"?, "nodes"?}]}
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from runners import wire
from runners.gpu.driver import SAFE_ID, Device, DriverError, Use

MAX_LISTED = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """A fixed list, idle for ever."""

    known: tuple[Device, ...]

    @classmethod
    def read(cls, text: str) -> Listed:
        """Raises ValueError with a sentence."""
        devices = []
        for piece in filter(None, (piece.strip() for piece in text.split(","))):
            name, _, memory = piece.partition(":")
            if not SAFE_ID.fullmatch(name) or not memory.isdecimal():
                raise ValueError(f'"{piece}" is not <id>:<MB of memory>, e.g. fake0:16384')
            devices.append(Device(id=name, name=name, memory_mb=int(memory)))
        if len({device.id for device in devices}) != len(devices):
            raise ValueError("a device is listed twice")
        return cls(tuple(devices))

    def devices(self) -> list[Device]:
        return list(self.known)

    def use(self, device: str) -> Use:
        return Use(memory=0, percent=0.0)

    def processes(self, device: str) -> int:
        return 0


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A list in a file, read at each question."""

    file: Path

    def devices(self) -> list[Device]:
        return [
            Device(
                id=wire.text(row, "id", most=100),
                name=wire.text(row, "name", most=100, default="listed"),
                memory_mb=wire.whole(row, "memory_mb"),
                nodes=tuple(map(str, wire.listed(row, "nodes", most=20))),
            )
            for row in self._rows()
        ]

    def use(self, device: str) -> Use:
        row = self._row(device)
        percent = wire.number(row, "percent", most=100.0, default=0.0)
        return Use(memory=wire.whole(row, "used_mb", default=0) << 20, percent=percent)

    def processes(self, device: str) -> int:
        return wire.whole(self._row(device), "processes", default=0)

    def _row(self, device: str) -> dict[str, Any]:
        row = next((row for row in self._rows() if row["id"] == device), None)
        if row is None:
            raise DriverError(f"{self.file} does not list {device}")
        return row

    def _rows(self) -> list[dict[str, Any]]:
        try:
            rows = wire.listed(wire.read_object(self.file.read_bytes()), "devices", most=MAX_LISTED)
        except (OSError, json.JSONDecodeError, wire.Malformed) as error:
            raise DriverError(f"{self.file} cannot be read: {error}") from error
        if not all(isinstance(row, dict) and SAFE_ID.fullmatch(str(row.get("id"))) for row in rows):
            raise DriverError(f"{self.file} must hold an object with an id for each device")
        return rows
