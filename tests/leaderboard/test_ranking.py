"""Ranking as pure functions: direction, rounding, shared ranks, best-of."""

from __future__ import annotations

import datetime
import itertools
import math

import pytest

from leaderboard.ranking import Standing, advance, fold, key_of, shared_ranks

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)


def minutes(n: int) -> datetime.datetime:
    return NOON + datetime.timedelta(minutes=n)


def test_the_better_score_has_the_smaller_key_in_both_directions() -> None:
    assert key_of(0.9, "maximize", 5) < key_of(0.8, "maximize", 5)
    assert key_of(0.8, "minimize", 5) < key_of(0.9, "minimize", 5)


def test_scores_that_look_equal_are_equal() -> None:
    assert key_of(0.123451, "maximize", 5) == key_of(0.123449, "maximize", 5)
    assert key_of(-0.0, "minimize", 5) == key_of(0.0, "maximize", 5)
    assert math.copysign(1, key_of(0.0, "maximize", 5)) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_has_no_key(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        key_of(value, "maximize", 5)


@pytest.mark.parametrize(
    ("keys", "ranks"),
    [
        ([], []),
        ([1], [1]),
        ([1, 1, 1], [1, 1, 1]),
        ([1, 2, 2, 3], [1, 2, 2, 4]),
        ([1, 1, 2, 2, 3], [1, 1, 3, 3, 5]),
    ],
)
def test_equal_keys_share_a_rank_and_the_next_is_skipped(keys: list[float], ranks: list[int]) -> None:
    assert shared_ranks(keys) == ranks


def test_only_a_better_key_moves_the_clock_and_every_score_counts() -> None:
    first = advance(None, key=2.0, score=2.0, submission="a", at=minutes(0))
    worse = advance(first, key=3.0, score=3.0, submission="b", at=minutes(1))
    better = advance(worse, key=1.0, score=1.0, submission="c", at=minutes(2))
    assert worse == Standing(2.0, 2.0, 2, "a", minutes(0))
    assert better == Standing(1.0, 1.0, 3, "c", minutes(2))


def test_the_standing_does_not_depend_on_the_order_of_judging() -> None:
    events = [
        (7, key, key, name, minutes(m))
        for key, name, m in ((2, "a", 0), (1, "b", 3), (1, "c", 1), (4, "d", 2))
    ]
    folds = {tuple(fold(order).items()) for order in itertools.permutations(events)}
    assert folds == {((7, Standing(1, 1, 4, "c", minutes(1))),)}
