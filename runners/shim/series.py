"""The curve of what a run uses, written down as it grows: one line of JSON a point (see runners.usage)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from runners.usage import MAX_POINTS, UsagePoint, gap_s


class Series:
    """Told of every sample of an attempt; writes a point when one is due, and one at the end."""

    def __init__(self, path: Path, wall_limit_s: float) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._limit_s = wall_limit_s
        self._number = 0
        self._due_s = 0.0
        self._memory = self._disk = 0
        self._gpu: tuple[int, float] | None = None  # as told last: memory and load
        self._gpu_memory = 0  # the most since the last point
        self._before_end = (0, 0)

    def take(
        self, wall_s: float, cpu_s: float, memory: int, disk: int, gpu: tuple[int, float] | None = None
    ) -> None:
        self._before_end = (memory, disk)
        self._see(memory, disk)
        if gpu is not None:
            self._gpu, self._gpu_memory = gpu, max(self._gpu_memory, gpu[0])
        if wall_s >= self._due_s and self._number < MAX_POINTS - 1:  # the last place is the end's
            self._write(wall_s, cpu_s)
            self._due_s = wall_s + gap_s(wall_s, self._limit_s)

    def end(self, wall_s: float, cpu_s: float, memory: int, disk: int) -> None:
        self._see(memory, disk)
        self._see(*self._before_end)  # `memory` is of a dead program: not a fall of the curve
        self._write(wall_s, cpu_s)
        os.close(self._file)

    def _see(self, memory: int, disk: int) -> None:
        self._memory, self._disk = max(self._memory, memory), max(self._disk, disk)

    def _write(self, wall_s: float, cpu_s: float) -> None:
        point = UsagePoint(
            number=self._number,
            wall_s=round(wall_s, 3),
            cpu_s=round(cpu_s, 3),
            memory=self._memory,
            disk=self._disk,
            gpu_memory=None if self._gpu is None else self._gpu_memory,
            gpu_percent=None if self._gpu is None else round(self._gpu[1], 1),
        )
        os.write(self._file, f"{json.dumps(point.as_json())}\n".encode())
        self._number += 1
        self._memory = self._disk = 0
        self._gpu_memory = self._gpu[0] if self._gpu else 0
