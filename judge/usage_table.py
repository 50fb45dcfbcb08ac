"""The usage curve in numbers: what the drawing on a submission's page shows, for those who read it as a table. Pure."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

CLOSE_S = 0.1  # as in static/js/usage.js
_MIB = 1 << 20
_WALL, _CPU, _MEMORY, _DISK, _GPU_MEMORY, _GPU_PERCENT = range(1, 7)  # places in judge.usage.COLUMNS
Row = Sequence[float | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One figure over the run. `kind` is its unit: percent (of a core), seconds or megabytes; None: does not apply."""

    what: str  # cpu, cpu_time, memory, disk, gpu, gpu_memory
    kind: str
    least: float | None
    mean: float | None
    most: float
    limit: float | None = None


def table(rows: Sequence[Row], limits: dict[str, Any]) -> list[Line]:
    """Least, mean and most of each figure beside its limit; empty for a curve of less than two points."""
    if len(rows) < 2:  # noqa: PLR2004 - a mean needs a stretch of time
        return []
    loads = _loads(rows) or [0.0]
    mean_load = _load(_of(rows[-1], _CPU), _of(rows[-1], _WALL))
    lines = [
        Line("cpu", "percent", min(loads), mean_load, max(loads)),
        Line("cpu_time", "seconds", None, None, _of(rows[-1], _CPU), limits.get("cpu_s")),
        _megabytes("memory", rows, _MEMORY, limits.get("memory_mb")),
        _megabytes("disk", rows, _DISK, limits.get("disk_mb")),
    ]
    if rows[-1][_GPU_PERCENT] is not None:
        gpu = [_of(row, _GPU_PERCENT) for row in rows]
        lines.append(Line("gpu", "percent", min(gpu), _mean(rows, _GPU_PERCENT), max(gpu)))
        lines.append(_megabytes("gpu_memory", rows, _GPU_MEMORY, None))
    return lines


def _of(row: Row, place: int) -> float:
    return row[place] or 0.0


def _load(cpu_s: float, wall_s: float) -> float:
    """In percent of a core."""
    return 100 * cpu_s / wall_s if wall_s > 0 else 0.0


def _loads(rows: Sequence[Row]) -> list[float]:
    """Between each two points. Two that lie closer together than `CLOSE_S` tell of the clock, not of the program."""
    return [
        _load(_of(after, _CPU) - _of(before, _CPU), passed)
        for before, after in itertools.pairwise(rows)
        if (passed := _of(after, _WALL) - _of(before, _WALL)) >= CLOSE_S
    ]


def _megabytes(what: str, rows: Sequence[Row], place: int, limit: float | None) -> Line:
    values = [_of(row, place) / _MIB for row in rows]
    return Line(what, "megabytes", min(values), _mean(rows, place) / _MIB, max(values), limit)


def _mean(rows: Sequence[Row], place: int) -> float:
    """Over time: a point tells of the stretch before it."""
    weighted = sum(
        _of(after, place) * (_of(after, _WALL) - _of(before, _WALL))
        for before, after in itertools.pairwise(rows)
    )
    passed = _of(rows[-1], _WALL) - _of(rows[0], _WALL)
    return weighted / passed if passed > 0 else _of(rows[-1], place)
