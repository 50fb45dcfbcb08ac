"""The curve of what a run uses: few points whatever its length, and nothing strange off the wire."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from runners.shim.series import Series
from runners.usage import MAX_POINTS, POINTS_A_CALL, UsagePoint, gap_s, read_points
from runners.wire import Malformed

GOOD = [0, 0.25, 0.2, 1000, 0, None, None]


def points_until(end_s: float, wall_limit_s: float) -> list[float]:
    times, now = [0.0], 0.0
    while now < end_s:
        now += gap_s(now, wall_limit_s)
        times.append(now)
    return times


def test_a_short_run_has_a_curve_whatever_it_was_allowed() -> None:
    assert len(points_until(2.0, 600.0)) == 9
    assert len(points_until(2.0, 36_000.0)) == 9


@pytest.mark.parametrize(
    ("wall_s", "most"), [(1, 10), (20, 100), (600, 300), (36_000, 420), (7 * 86_400, 500)]
)
def test_a_whole_run_has_few_points_however_long_it_may_take(wall_s: float, most: int) -> None:
    assert len(points_until(wall_s, wall_s)) < most < MAX_POINTS + 1


def test_the_curve_goes_on_evenly_to_its_end() -> None:
    times = points_until(600.0, 600.0)
    assert max(after - before for before, after in itertools.pairwise(times)) <= 3.0


def read(path: Path) -> list[UsagePoint]:
    return [UsagePoint.from_json(json.loads(line)) for line in path.read_text().splitlines()]


def test_no_peak_falls_between_two_points(tmp_path: Path) -> None:
    series = Series(tmp_path / "samples", 600.0)
    for tick in range(101):
        series.take(tick * 0.05, tick * 0.04, 900 if tick == 33 else 100, 7 if tick == 77 else 5)
    series.end(5.1, 4.1, 0, 5)
    points = read(tmp_path / "samples")
    assert [point.number for point in points] == list(range(len(points)))
    assert len(points) == 22
    assert max(point.memory for point in points) == 900
    assert sum(point.memory == 900 for point in points) == 1
    assert max(point.disk for point in points) == 7
    assert (points[-1].wall_s, points[-1].cpu_s, points[-1].memory) == (5.1, 4.1, 100)


def test_a_curve_that_is_full_keeps_its_last_place_for_the_end(tmp_path: Path) -> None:
    series = Series(tmp_path / "samples", 1.0)  # a run that is allowed a second and takes ten minutes
    for tick in range(12_000):
        series.take(tick * 0.05, tick * 0.05, 1, 1)
    series.end(601.0, 601.0, 99, 1)
    points = read(tmp_path / "samples")
    assert len(points) == MAX_POINTS
    assert (points[-1].wall_s, points[-1].memory) == (601.0, 99)


def test_what_was_written_is_read_back() -> None:
    point = UsagePoint(number=3, wall_s=1.5, cpu_s=1.25, memory=7, disk=8, gpu_memory=9, gpu_percent=55.5)
    assert UsagePoint.from_json(point.as_json()) == point
    assert read_points({"samples": [GOOD]})[0].gpu_memory is None
    assert read_points({}) == []


def with_(place: int, value: Any) -> list[Any]:
    return [*GOOD[:place], value, *GOOD[place + 1 :]]


@pytest.mark.parametrize(
    "samples",
    [
        "x",
        {"0": GOOD},
        [GOOD[:6]],
        [[*GOOD, 1]],
        [{"number": 0}],
        [None],
        *([with_(place, value)] for place in range(5) for value in ("1", None, True, -1, [1])),
        [with_(0, 0.5)],
        [with_(0, MAX_POINTS)],
        [with_(1, float("nan"))],
        [with_(1, 1e10)],
        [with_(3, 1 << 60)],
        [with_(5, 1)],  # a GPU's memory without its load
        [[*GOOD[:5], 1, 101.0]],
        [GOOD, GOOD],
        [GOOD, [2, *GOOD[1:]]],
        [GOOD, [1, 0.2, *GOOD[2:]]],
        [GOOD, [1, 0.3, 0.1, *GOOD[3:]]],
        [[number, *GOOD[1:]] for number in range(POINTS_A_CALL + 1)],
    ],
)
def test_samples_of_another_form_are_refused_with_a_sentence(samples: Any) -> None:
    with pytest.raises(Malformed, match=r"\.$"):
        read_points({"samples": samples})
