"""When a job will start: an honest range, which holds for eight of ten on queues that are played again."""

from __future__ import annotations

import dataclasses
import random
import statistics

import pytest

from judge import forecast, turns
from judge.forecast import Outlook, Range
from tests.judge.replay import Replay, Task

HOUR = 3600.0


@pytest.mark.parametrize(
    ("outlook", "place", "expected"),
    [
        pytest.param(Outlook([10] * 5, [], 1), 1, Range(0, 0), id="a free slot: now"),
        pytest.param(Outlook([10] * 5, [4], 1), 1, Range(6, 6), id="when what runs has ended"),
        pytest.param(Outlook([10] * 5, [4], 1), 3, Range(26, 26), id="and two more have run"),
        pytest.param(Outlook([10] * 5, [4, 9], 2), 3, Range(11, 11), id="on two slots"),
        pytest.param(Outlook([10] * 5, [4], 1, pressure=0.5), 2, Range(16, 36), id="others may go ahead"),
        pytest.param(Outlook([10] * 5, [0], 1), 400, Range(4000, 4000), id="far away, in proportion"),
    ],
)
def test_where_all_runs_last_the_same_the_range_is_exact(
    outlook: Outlook, place: int, expected: Range
) -> None:
    found = forecast.ranges(outlook, [place])
    assert found is not None
    bare = found[0].low / forecast.SOONER, found[0].high / forecast.LATER
    assert bare == pytest.approx((expected.low, expected.high))


def test_where_too_little_has_ended_nothing_is_said() -> None:
    assert forecast.ranges(Outlook([10] * 4, [1], 1), [1]) is None


def test_the_same_question_has_the_same_answer_and_later_places_start_later() -> None:
    outlook = Outlook([1, 5, 20, 100, 400], [3, 50], 2, 0.3)
    places = [1, 2, 5, 30]
    found = forecast.ranges(outlook, places)
    assert found == forecast.ranges(outlook, places)
    assert found is not None
    assert [each.low for each in found] == sorted(each.low for each in found)
    assert all(each.low <= each.high for each in found)


def test_what_has_lasted_longer_than_any_goes_on_for_a_time_nobody_knows() -> None:
    found = forecast.ranges(Outlook([10] * 9, [500], 1), [1])
    assert found is not None
    assert 0 < found[0].low < 100
    assert 400 < found[0].high <= 500 * forecast.LATER


@pytest.mark.parametrize(
    ("spans", "most"), [([], 0), ([(0, 1)], 1), ([(0, 2), (1, 3), (2, 4)], 2), ([(0, 9), (1, 2), (1, 2)], 3)]
)
def test_how_many_ran_at_once(spans: list[tuple[float, float]], most: int) -> None:
    assert forecast.most_at_once(spans) == most


@dataclasses.dataclass
class Told:
    task: Task
    at: float
    range: Range


def watched(tasks: list[Task], slots: int, weights: dict[int, int]) -> list[Told]:
    """A replay in which each task that has to wait is told its range when it arrives, from what a site knows then."""
    told: list[Told] = []
    arrived: list[float] = []

    def tell(replay: Replay, task: Task) -> None:
        arrived.append(replay.now)
        if len(replay.running) < slots:
            return
        number = len(replay.waiting[task.key]) - 1
        place = turns.place(replay.backlogs(), replay.served(), task.key, number)
        lately = replay.ended[-200:]
        lasted = [each.ended - each.started for each in lately]
        running = [replay.now - each.started for _, _, each in replay.running]
        recent = sum(replay.now - HOUR <= at for at in arrived)
        share = recent * statistics.fmean(lasted) / (slots * min(HOUR, replay.now)) if lasted else 0
        found = forecast.ranges(Outlook(lasted, running, slots, share), [place or 1])
        if found is not None:
            told.append(Told(task, replay.now, found[0]))

    Replay(tasks, slots=slots, weights=weights, seen=tell).go()
    return told


def busy_day(seed: int, slots: int, load: float) -> list[Task]:
    """Six hours: three contests, contestants who hand in once or ten times in a row, runs from seconds to minutes."""
    dice = random.Random(seed)
    tasks: list[Task] = []
    at, mean = 0.0, 95.0
    while at < 6 * HOUR:
        burst = dice.choice([1, 1, 1, 2, 10])
        contest, who = dice.choice([1, 1, 1, 2, 3]), dice.randrange(40)
        slow = 4 if contest == 3 else 1
        tasks += [
            Task(contest, who, at + 3 * n, min(1800.0, slow * dice.lognormvariate(3.6, 0.8)))
            for n in range(burst)
        ]
        at += dice.expovariate(load * slots / (mean * 3))
    return tasks


@pytest.mark.parametrize("slots", [1, 3, 8])
@pytest.mark.parametrize("load", [0.7, 0.95])
def test_eight_of_ten_start_within_their_range_on_a_replayed_day(slots: int, load: float) -> None:
    told = [each for seed in (1, 2) for each in watched(busy_day(seed, slots, load), slots, {1: 2})]
    waited = [each.task.started - each.at for each in told]
    kept = [each.range.low <= wait <= each.range.high for each, wait in zip(told, waited, strict=True)]
    widths = [each.range.high / max(30.0, wait) for each, wait in zip(told, waited, strict=True)]
    assert len(told) > 100
    assert statistics.fmean(kept) >= 0.8
    assert statistics.median(widths) < 6  # and says something: “between now and tomorrow” would always hold
