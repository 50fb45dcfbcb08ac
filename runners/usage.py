"""What a run uses over time: the points of its curve, when one is taken, and how they are told.

Theory of operation. The shim appends a point to a file whenever `gap_s` has passed since the last one: every quarter
of a second at first, so that a run of two seconds has a curve, then in proportion to the run's age, and at the end
in two hundredths of the time it may take. So the file only grows, a point once taken stays, and a run has about 300
points after ten minutes and 400 after ten hours. A point's memory and disk are the highest since the point before,
looked at every few milliseconds: no peak falls between two points. The number of a point is its place in the file,
which makes sending it again harmless, as a log's offset does. Standard library only: site, agent and shim import this.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

from runners import wire

MAX_POINTS = 500  # of one attempt, whatever its limits
POINTS_A_CALL = 100
MAX_PERCENT = 100.0
_FIRST_GAP_S, _AGE_PARTS, _LIMIT_PARTS = 0.25, 30, 200
_NAMES = ("number", "wall_s", "cpu_s", "memory", "disk", "gpu_memory", "gpu_percent")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UsagePoint:
    """Seconds since the start and of CPU so far, bytes; of the run's GPU where it has one."""

    number: int
    wall_s: float
    cpu_s: float
    memory: int
    disk: int
    gpu_memory: int | None = None
    gpu_percent: float | None = None

    def as_json(self) -> list[float | None]:
        return [getattr(self, name) for name in _NAMES]

    @classmethod
    def from_json(cls, raw: object) -> UsagePoint:
        """Raises wire.Malformed."""
        if not isinstance(raw, list) or len(raw) != len(_NAMES):
            raise wire.Malformed(f"A sample must be a list of {', '.join(_NAMES)}.")
        fields = dict(zip(_NAMES, raw, strict=True))
        gpu = fields["gpu_memory"] is not None
        if gpu != (fields["gpu_percent"] is not None):
            raise wire.Malformed("A sample must have both figures of a GPU or none.")
        return cls(
            number=wire.whole(fields, "number", most=MAX_POINTS - 1),
            wall_s=wire.number(fields, "wall_s", most=wire.MAX_SECONDS),
            cpu_s=wire.number(fields, "cpu_s", most=wire.MAX_SECONDS),
            memory=wire.whole(fields, "memory"),
            disk=wire.whole(fields, "disk"),
            gpu_memory=wire.whole(fields, "gpu_memory") if gpu else None,
            gpu_percent=wire.number(fields, "gpu_percent", most=MAX_PERCENT) if gpu else None,
        )


def read_points(raw: dict[str, Any], name: str = "samples") -> list[UsagePoint]:
    """The points of one call, which follow each other; none when the field is missing. Raises wire.Malformed."""
    points = [UsagePoint.from_json(item) for item in wire.listed(raw, name, most=POINTS_A_CALL)]
    for before, after in itertools.pairwise(points):
        if after.number != before.number + 1:
            raise wire.Malformed(f"{name} must be numbered without a gap.")
        if after.wall_s < before.wall_s or after.cpu_s < before.cpu_s:
            raise wire.Malformed(f"{name} must not go back in time.")
    return points


def gap_s(wall_s: float, wall_limit_s: float) -> float:
    """How long after `wall_s` the next point is taken."""
    most = max(_FIRST_GAP_S, wall_limit_s / _LIMIT_PARTS)
    return min(max(_FIRST_GAP_S, wall_s / _AGE_PARTS), most)
