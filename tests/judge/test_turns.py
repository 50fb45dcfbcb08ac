"""Whose turn it is, as a table and on replayed queues: weights hold, no backlog or long run starves others."""

from __future__ import annotations

import random

import pytest

from judge import turns
from judge.turns import Backlog, Served
from tests.judge.replay import Replay, Task

HOUR = 3600.0


def keys(backlogs: list[Backlog], served: Served, count: int) -> list[tuple[int | None, int]]:
    return [key for key, _ in turns.first(backlogs, served, count)]


@pytest.mark.parametrize(
    ("backlogs", "served", "expected"),
    [
        pytest.param(
            [Backlog(1, 10, 2, oldest=5), Backlog(1, 11, 1, oldest=9)],
            Served(),
            [(1, 10), (1, 11), (1, 10)],
            id="who comes first goes first, and then the other, before a second of the first",
        ),
        pytest.param(
            [Backlog(1, 10, 1, oldest=5), Backlog(1, 11, 1, oldest=9)],
            Served(contests={1: 60}, contestants={(1, 10): 60}),
            [(1, 11), (1, 10)],
            id="who was served waits behind who was not",
        ),
        pytest.param(
            [Backlog(1, 10, 3, oldest=1, weight=3), Backlog(2, 20, 3, oldest=2)],
            Served(),
            [(1, 10), (2, 20), (1, 10), (1, 10), (2, 20), (2, 20)],
            id="three turns of a contest of weight 3 to one of weight 1",
        ),
        pytest.param(
            [Backlog(1, 10, 2, oldest=1), Backlog(2, 20, 2, oldest=2)],
            Served(clock=1000, contests={1: 1000}),
            [(1, 10), (2, 20), (1, 10), (2, 20)],
            id="a newcomer has nothing to catch up with",
        ),
        pytest.param(
            [Backlog(1, 10, 1, oldest=1), Backlog(2, 20, 62, oldest=2)],
            Served(contests={1: 1e9}, contestants={(1, 10): 1e9}),
            [(2, 20)] * 60 + [(1, 10)],
            id="of a debt more than an hour is forgiven",
        ),
        pytest.param(
            [
                Backlog(1, 10, 2, oldest=1),
                Backlog(1, 11, 2, oldest=2),
                Backlog(1, 11, 1, oldest=9, preferred=True),
                Backlog(2, 20, 3, oldest=3),
            ],
            Served(contestants={(1, 11): 500}),
            [(2, 20), (1, 11), (1, 10), (2, 20), (1, 10), (2, 20), (1, 11), (1, 11)],
            id="a preferred one takes its contest's next turn and no other's, and its contestant waits the longer",
        ),
        pytest.param([Backlog(None, 0, 2, oldest=1)], Served(), [(None, 0)] * 2, id="of a previous release"),
        pytest.param([], Served(), [], id="nobody"),
    ],
)
def test_who_goes_next(
    backlogs: list[Backlog], served: Served, expected: list[tuple[int | None, int]]
) -> None:
    assert keys(backlogs, served, len(expected)) == expected


def test_a_place_is_where_the_order_has_it() -> None:
    backlogs = [
        Backlog(1, 10, 5, oldest=1),
        Backlog(1, 11, 2, oldest=2),
        Backlog(2, 20, 3, oldest=3, weight=2),
    ]
    order = turns.first(backlogs, Served(), 10)
    assert [turns.place(backlogs, Served(), key, number) for key, number in order] == list(range(1, 11))
    assert turns.place(backlogs, Served(), (1, 10), 5) is None


@pytest.mark.parametrize("slots", [1, 2, 4, 7])
@pytest.mark.parametrize("weights", [{1: 3, 2: 1}, {1: 1, 2: 1}, {1: 5, 2: 2, 3: 1}])
def test_time_on_the_slots_is_shared_by_weight_while_all_have_a_backlog(
    slots: int, weights: dict[int, int]
) -> None:
    dice = random.Random(7)
    tasks = [
        Task(contest, dice.randrange(9), 0, dice.expovariate(1 / 40))
        for contest in weights
        for _ in range(3000)
    ]
    replay = Replay(tasks, slots=slots, weights=weights).go(until=2 * HOUR)
    had = {contest: replay.time_of(contest, 2 * HOUR) for contest in weights}
    for contest, weight in weights.items():
        share = had[contest] / sum(had.values())
        assert share == pytest.approx(weight / sum(weights.values()), abs=0.03)


def test_a_backlog_of_a_thousand_makes_nobody_else_wait_longer_than_one_turn() -> None:
    hog = [Task(1, 1, 0, 30) for _ in range(1000)]
    others = [Task(1, 2 + n, 100 + 700 * n, 5) for n in range(20)]
    Replay([*hog, *others], slots=1).go()
    assert max(task.started - task.arrives for task in others) <= 30


def test_another_contests_ten_hour_runs_do_not_crowd_out_short_ones() -> None:
    long = [Task(1, n, 0, 10 * HOUR) for n in range(40)]
    short = [Task(2, n % 5, 60 + 10 * n, 20) for n in range(3000)]
    replay = Replay([*long, *short], slots=4).go(until=20 * HOUR)
    before = [task for task in short if task.arrives < 9 * HOUR]
    # The first four long ones came first and cannot be stopped; from then on the time is shared.
    assert replay.time_of(2, 20 * HOUR) == pytest.approx(3000 * 20, rel=0.01)
    assert all(task.ended > 0 for task in before)


def test_who_had_the_pool_alone_all_night_waits_an_hour_at_most_in_the_morning() -> None:
    night = [Task(1, 1, 600 * n, 600) for n in range(48)]
    morning = [Task(contest, 1, 8 * HOUR, 600) for contest in (1, 2) for _ in range(60)]
    Replay([*night, *morning], slots=1).go()
    first = min(task.started for task in morning if task.contest == 1)
    assert first - 8 * HOUR <= HOUR + 1200
