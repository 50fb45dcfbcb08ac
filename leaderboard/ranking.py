"""Ranking, as pure functions on values.

A key is a score turned so that smaller is better and rounded to the metric's displayed decimals: two scores that
look equal on the board are equal. Equal keys share a rank and the next rank is skipped (1, 2, 2, 4); within a tie
the earlier team stands first.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Iterable, Sequence
from typing import Literal

Direction = Literal["maximize", "minimize"]


def key_of(value: float, direction: Direction, decimals: int) -> float:
    """The ascending sort key of a score. Raises ValueError for a score that is not finite."""
    if not math.isfinite(value):
        raise ValueError(f"a score must be finite, not {value}")
    rounded = round(value, decimals)
    return (-rounded if direction == "maximize" else rounded) + 0.0  # + 0.0 turns -0.0 into 0.0


def shared_ranks(ascending_keys: Sequence[float], *, first: int = 1) -> list[int]:
    """Ranks of already sorted keys, ties sharing one. `first` is the position of the first key.

    >>> shared_ranks([0.1, 0.2, 0.2, 0.3])
    [1, 2, 2, 4]
    """
    ranks: list[int] = []
    for position, key in enumerate(ascending_keys):
        tied = position > 0 and key == ascending_keys[position - 1]
        ranks.append(ranks[-1] if tied else first + position)
    return ranks


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """A team's fold over its events."""

    key: float
    score: float
    submissions: int
    best_submission: object
    last_improved_at: datetime.datetime


def advance(
    before: Standing | None, *, key: float, score: float, submission: object, at: datetime.datetime
) -> Standing:
    """A team's standing after one more counted score.

    Best-of: a better key wins, and of equal keys the one handed in first. So the standing does not depend on the
    order in which submissions happen to be judged, nor on how often.
    """
    if before is None:
        return Standing(key, score, 1, submission, at)
    count = before.submissions + 1
    order = (before.key, before.last_improved_at, str(before.best_submission))
    if (key, at, str(submission)) < order:
        return Standing(key, score, count, submission, at)
    return dataclasses.replace(before, submissions=count)


def fold(events: Iterable[tuple[int, float, float, object, datetime.datetime]]) -> dict[int, Standing]:
    """Standings by team from (team, key, score, submission, at) in order of board version."""
    standings: dict[int, Standing] = {}
    for team, key, score, submission, at in events:
        standings[team] = advance(standings.get(team), key=key, score=score, submission=submission, at=at)
    return standings
