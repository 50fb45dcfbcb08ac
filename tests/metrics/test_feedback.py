"""Feedback is about public rows alone, coarse, and bounded in size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from metrics.feedback import GROUP, MAX_CLASSES, MAX_COLUMNS, MIN_ROWS
from tests.metrics.judging import judged, table

ROWS = range(200)


def rows_of(labels: list[str], usage: str = "Public") -> str:
    return table(["id", "target", "Usage"], ([at, label, usage] for at, label in enumerate(labels)))


def said(labels: list[str]) -> str:
    return table(["id", "target"], enumerate(labels))


def test_predicted_classes_that_no_public_row_has_are_lumped_together(tmp_path: Path) -> None:
    truth = [str(at % 2) for at in ROWS]
    result = judged(tmp_path, said([str(1000 + at) for at in ROWS]), solution=rows_of(truth))
    classes = result["feedback"]["classes"]
    assert classes["labels"] == ["0", "1"]
    assert classes["matrix"] == [[0, 0, 100], [0, 0, 100], [0, 0, 0]]
    assert classes["other"] is True


def test_a_class_that_only_private_rows_have_is_not_named(tmp_path: Path) -> None:
    solution = rows_of([str(at % 2) for at in ROWS]) + "x,77,Private\n"
    result = judged(tmp_path, said([str(at % 2) for at in ROWS]) + "x,77\n", solution=solution)
    assert result["private"] == 1.0
    assert "77" not in json.dumps(result["feedback"])


def test_many_classes_are_cut_to_the_largest(tmp_path: Path) -> None:
    truth = [str(at % 100) for at in ROWS] + ["5"] * 10
    classes = judged(tmp_path, said(truth), solution=rows_of(truth))["feedback"]["classes"]
    assert len(classes["labels"]) == MAX_CLASSES
    assert "5" in classes["labels"]
    assert sum(map(sum, classes["matrix"])) == 210
    assert len(json.dumps(classes)) < 64 * 1024


def test_residuals_do_not_show_the_extremes(tmp_path: Path) -> None:
    truth = [f"{at + 0.123456:.6f}" for at in ROWS]
    guess = ["0"] * 199 + ["1e9"]
    result = judged(tmp_path, said(guess), solution=rows_of(truth), metric="mae")
    (residuals,) = result["feedback"]["residuals"]
    assert sum(residuals["counts"]) == 200
    assert len(residuals["counts"]) == len(residuals["edges"]) + 1
    assert -102 < residuals["quantiles"]["0.5"] < -98
    assert abs(max(residuals["edges"], key=abs)) < 200


def test_equal_residuals_do_not_break_the_histogram(tmp_path: Path) -> None:
    truth = [str(at) for at in ROWS]
    (residuals,) = judged(tmp_path, said(truth), solution=rows_of(truth), metric="mae")["feedback"][
        "residuals"
    ]
    assert sum(residuals["counts"]) == 200


def test_many_columns_are_cut(tmp_path: Path) -> None:
    names = [f"c{at}" for at in range(MAX_COLUMNS + 5)]
    rows = [[at, *(at * place for place in range(1, len(names) + 1))] for at in ROWS]
    solution = table(["id", *names, "Usage"], ([*row, "Public"] for row in rows))
    result = judged(tmp_path, table(["id", *names], rows), solution=solution, metric="mae", targets=names)
    assert [column["column"] for column in result["feedback"]["residuals"]] == names[:MAX_COLUMNS]


def test_few_public_rows_get_no_feedback(tmp_path: Path) -> None:
    truth = ["1"] * (MIN_ROWS - 1)
    assert judged(tmp_path, said(truth), solution=rows_of(truth))["feedback"] == {}
    assert judged(tmp_path, said([*truth, "1"]), solution=rows_of([*truth, "1"]))["feedback"] != {}


def columns_of(classes: dict[str, Any]) -> list[int]:
    return [sum(row[at] for row in classes["matrix"]) for at in range(len(classes["matrix"]))]


def test_a_class_of_ones_own_for_each_row_reads_out_none(tmp_path: Path) -> None:
    """Forty classes, each said for one row: the place of the 1 in a column would be that row's label."""
    truth = [str(at * 7 % 40) for at in ROWS]
    guess = [str(at) if at < 39 else "39" for at in ROWS]
    classes = judged(tmp_path, said(guess), solution=rows_of(truth))["feedback"]["classes"]
    assert columns_of(classes) == [*[0] * 39, 161, 39]
    assert all(row["recall"] is None and row["precision"] is None for row in classes["per_class"][:39])
    assert [sum(row) for row in classes["matrix"]][:40] == [5] * 40


def test_a_single_odd_row_is_hidden_among_the_next_rarest_class(tmp_path: Path) -> None:
    truth = [str(at % 3) for at in ROWS]
    guess = ["0"] * 99 + ["1"] * 100 + ["2"]
    classes = judged(tmp_path, said(guess), solution=rows_of(truth))["feedback"]["classes"]
    assert columns_of(classes) == [0, 100, 0, 100]
    assert [row["f1"] is None for row in classes["per_class"]] == [True, False, True]


def test_a_class_that_was_never_said_has_figures(tmp_path: Path) -> None:
    truth = [str(at % 2) for at in ROWS]
    classes = judged(tmp_path, said(["0"] * 200), solution=rows_of(truth))["feedback"]["classes"]
    assert classes["other"] is False
    assert [row["recall"] for row in classes["per_class"]] == [1.0, 0.0]


def test_few_rows_make_few_bins_and_no_single_residual(tmp_path: Path) -> None:
    """Offsets far apart tell which row a residual is of; its true value must not be told with it."""
    truth = [str(at * 37 % 20) for at in range(MIN_ROWS)]
    guess = [str(1000 * at * at) for at in range(MIN_ROWS)]
    (residuals,) = judged(tmp_path, said(guess), solution=rows_of(truth), metric="mae")["feedback"][
        "residuals"
    ]
    assert min(residuals["counts"]) >= GROUP
    assert sum(residuals["counts"]) == MIN_ROWS
    errors = sorted(float(guess[at]) - float(truth[at]) for at in range(MIN_ROWS))
    told = set(residuals["quantiles"].values())
    assert not told & {float(f"{error:.3g}") for error in errors}


def test_a_roc_curve_passes_five_negatives_a_step(tmp_path: Path) -> None:
    def curve(rows: int) -> list[list[float]]:
        truth = [str(at % 2) for at in range(rows)]
        ranks = [f"{at / rows:.4f}" for at in range(rows)]
        result = judged(tmp_path, said(ranks), solution=rows_of(truth), metric="roc_auc")
        points: list[list[float]] = result["feedback"]["curves"][0]["points"]
        return points

    assert curve(38) == []
    assert [x for x, _ in curve(40)] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert len(curve(1000)) == 21


def residuals_of(folder: Path, truth: list[str], guess: list[str]) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = judged(folder, said(guess), solution=rows_of(truth), metric="rmse")["feedback"]["residuals"]
    return found


@pytest.mark.parametrize("true", ["0.05", "0.5", "0.95"])
def test_a_row_far_from_all_others_does_not_show_its_place(tmp_path: Path, true: str) -> None:
    """A hundred rows are pushed down and a hundred up; the bin that one between them falls into would be its value."""
    truth = [f"{at * 37 % 200 / 200:.3f}" for at in ROWS]
    guess = ["-1" if at < 100 else "2" for at in ROWS]
    truth[100], guess[100] = true, "1"
    residuals = residuals_of(tmp_path, truth, guess)
    assert sum(residuals["counts"]) == 200
    assert min(residuals["counts"]) >= GROUP
    assert not [edge for edge in residuals["edges"] if 0.0 < edge < 1.0]


@pytest.mark.parametrize("odd", range(5, 200, 39))
def test_every_bin_holds_a_group(tmp_path: Path, odd: int) -> None:
    truth = [str(at * at % odd) for at in ROWS]
    residuals = residuals_of(tmp_path, truth, [str(at**3 % 101) for at in ROWS])
    assert min(residuals["counts"]) >= GROUP
    assert len(residuals["edges"]) == len(residuals["counts"]) - 1
    assert sum(residuals["counts"]) == 200


def test_the_first_row_of_a_ranking_is_not_told(tmp_path: Path) -> None:
    """One row before all others, which are tied: where the curve begins to rise would be its label."""

    def curve(first: int) -> list[list[float]]:
        truth = [str(int(at % 2 == first)) for at in ROWS]
        ranks = ["1" if at == 0 else "0.5" for at in ROWS]
        result = judged(tmp_path, said(ranks), solution=rows_of(truth), metric="roc_auc")
        points: list[list[float]] = result["feedback"]["curves"][0]["points"]
        return points

    assert curve(0)[0] == curve(1)[0] == [0.0, 0.0]
    assert curve(0)[-1] == curve(1)[-1] == [1.0, 1.0]
    assert {round(y * 100) % GROUP for _, y in curve(0)} == {0}
