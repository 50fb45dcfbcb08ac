"""Which phase of a contest a page speaks of, and whether it is open."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Literal

from contests import rules
from contests.models import Phase

State = Literal["upcoming", "open", "ended"]


@dataclasses.dataclass(frozen=True, slots=True)
class Schedule:
    """The phase that matters most now: the open one, else the next to come, else the last that ended."""

    phase: Phase
    state: State


def of(phases: Iterable[Phase], now: dt.datetime) -> Schedule | None:
    """None for a contest without phases."""
    ordered = sorted(phases, key=lambda phase: phase.position)
    for phase in ordered:
        if rules.is_open(now, phase.starts_at, phase.ends_at):
            return Schedule(phase, "open")
    for phase in ordered:
        if now < phase.starts_at:
            return Schedule(phase, "upcoming")
    return Schedule(ordered[-1], "ended") if ordered else None
