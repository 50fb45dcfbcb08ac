"""The usage curve in numbers."""

from __future__ import annotations

from judge.usage_table import Line, table

MIB = 1 << 20
LIMITS = {"cpu_s": 100.0, "memory_mb": 512, "disk_mb": 64}


def row(
    number: int, wall_s: float, cpu_s: float, memory: float, gpu: float | None = None
) -> tuple[float | None, ...]:
    return (number, wall_s, cpu_s, memory * MIB, 2 * MIB, None if gpu is None else gpu * 10 * MIB, gpu)


def lines(*rows: tuple[float | None, ...]) -> dict[str, Line]:
    return {line.what: line for line in table(rows, LIMITS)}


def test_a_mean_is_over_time_and_not_over_points() -> None:
    found = lines(row(0, 0, 0, 10), row(1, 1, 1, 10), row(2, 10, 10, 100))
    assert found["memory"] == Line("memory", "megabytes", 10.0, 91.0, 100.0, 512)
    assert found["disk"].mean == 2.0


def test_the_load_is_told_in_percent_of_a_core() -> None:
    found = lines(row(0, 0, 0, 1), row(1, 1, 2, 1), row(2, 2, 2, 1), row(3, 4, 3, 1))
    assert found["cpu"] == Line("cpu", "percent", 0.0, 75.0, 200.0)
    assert found["cpu_time"] == Line("cpu_time", "seconds", None, None, 3, 100.0)


def test_two_points_at_the_same_moment_make_no_load() -> None:
    found = lines(row(0, 0, 0, 1), row(1, 1, 0.5, 1), row(2, 1.0001, 0.6, 1))
    assert found["cpu"].most == 50.0


def test_a_gpu_is_told_where_there_is_one() -> None:
    assert "gpu" not in lines(row(0, 0, 0, 1), row(1, 1, 1, 1))
    found = lines(row(0, 0, 0, 1, gpu=0), row(1, 1, 1, 1, gpu=50), row(2, 3, 1, 1, gpu=80))
    assert (found["gpu"].least, found["gpu"].mean, found["gpu"].most) == (0.0, 70.0, 80.0)
    assert found["gpu_memory"].most == 800.0


def test_a_single_point_is_no_curve() -> None:
    assert table([], LIMITS) == []
    assert table([row(0, 0, 0, 1)], LIMITS) == []
