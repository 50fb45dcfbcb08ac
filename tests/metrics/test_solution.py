"""An organiser's mistake stops the scorer with a clear list and is never a contestant's result."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from metrics.catalogue import CATALOGUE, Columns, Metric
from metrics.complaints import BadSetup
from metrics.scoring_spec import ScoringSpec
from tests.metrics.judging import DIGITS, GOOD, codes, judged

TWO = "id,x,y,Usage\n1,1,0,Public\n2,0,1,Public\n3,0,1,Private\n4,1,0,Private\n"


@pytest.mark.parametrize(
    ("solution", "metric", "code"),
    [
        ("", "accuracy", "empty_file"),
        ("id,target\n1,2\n", "accuracy", "missing_column"),
        ("id,target,target,Usage\n1,2,3,Public\n", "accuracy", "duplicate_column"),
        ("id,target,Usage\n", "accuracy", "no_public_rows"),
        ("id,target,Usage\n1,2,Private\n", "accuracy", "no_public_rows"),
        ("id,target,Usage\n1,2,public\n", "accuracy", "bad_usage"),
        ("id,target,Usage\n1,,Public\n", "accuracy", "blank_cell"),
        ("id,target,Usage\n,2,Public\n", "accuracy", "blank_id"),
        ("id,target,Usage\n1,2,Public\n1,2,Public\n", "accuracy", "duplicate_id"),
        ("id,target,Usage\n1,2\n", "accuracy", "too_few_cells"),
        ("id,target,Usage\n1,2,Public,x\n", "accuracy", "too_many_cells"),
        ("id,target,Usage\n1,nan,Public\n", "rmse", "not_finite"),
        ("id,target,Usage\n1,2,Public\n2,0,Public\n", "roc_auc", "solution_not_binary"),
        ("id,target,Usage\n1,1,Public\n2,1,Public\n", "roc_auc", "one_class_only"),
        (
            "id,target,Usage\n1,1,Public\n2,0,Public\n3,1,Private\n",
            "roc_auc",
            "one_class_only",
        ),
        ("id,target,Usage\n1,2.5,Public\n2,2.5,Public\n", "r2", "no_variance"),
    ],
)
def test_a_solution_that_cannot_be_used_says_why(
    tmp_path: Path, solution: str, metric: str, code: str
) -> None:
    with pytest.raises(BadSetup) as caught:
        judged(tmp_path, "id,target\n1,1\n2,1\n", solution=solution, metric=metric)
    assert code in [complaint.code for complaint in caught.value.complaints]
    assert str(caught.value)


def test_all_mistakes_of_a_solution_are_listed_at_once(tmp_path: Path) -> None:
    solution = "id,target,Usage\n1,2,Public\n1,2,Public\n\n3,,Public\n4,5,Secret\n"
    with pytest.raises(BadSetup) as caught:
        judged(tmp_path, GOOD, solution=solution)
    assert [(complaint.code, complaint.params["row"]) for complaint in caught.value.complaints] == [
        ("duplicate_id", 3),
        ("bad_usage", 6),
        ("blank_cell", 5),
    ]


def test_complaints_about_a_solution_do_not_quote_its_values(tmp_path: Path) -> None:
    with pytest.raises(BadSetup) as caught:
        judged(tmp_path, GOOD, solution="id,target,Usage\n1,secret,Public\n", metric="mae")
    (complaint,) = caught.value.complaints
    assert (complaint.code, complaint.params) == (
        "not_a_number",
        {"row": 2, "column": "target", "value": "…"},
    )


def test_class_columns_of_log_loss_must_be_one_hot(tmp_path: Path) -> None:
    with pytest.raises(BadSetup) as caught:
        judged(tmp_path, "", solution=TWO.replace("2,0,1", "2,1,1"), metric="log_loss", targets=("x", "y"))
    assert [complaint.code for complaint in caught.value.complaints] == ["solution_not_one_hot"]


def test_a_binary_average_needs_its_positive_class_in_each_split(tmp_path: Path) -> None:
    params = {"average": "binary", "pos_label": "7"}
    with pytest.raises(BadSetup) as caught:
        judged(tmp_path, GOOD, metric="f1", params=params)
    assert [(c.code, c.params) for c in caught.value.complaints] == [
        ("positive_class_absent", {"usage": "Private"})
    ]


def test_without_private_rows_the_private_score_is_the_public_one(tmp_path: Path) -> None:
    result = judged(tmp_path, GOOD, solution=DIGITS.replace("Private", "Public"))
    assert result["public"] == result["private"] == 0.75
    assert result["rows"] == {"public": 4, "private": 0}


def test_a_row_limit_below_the_solutions_rows_is_the_organisers_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="row_limit"):
        judged(tmp_path, GOOD, row_limit=4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_is_an_error_and_never_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    def broken(truth: Columns, predicted: Columns, params: object) -> float:
        return value

    monkeypatch.setattr("metrics.direct.accuracy", broken)
    assert codes(judged(tmp_path, GOOD)) == ["score_not_finite"]


def test_extremes_that_overflow_r2_give_an_error(tmp_path: Path) -> None:
    solution = "id,target,Usage\n1,1e-150,Public\n2,0,Public\n"
    result = judged(tmp_path, "id,target\n1,1e100\n2,0\n", solution=solution, metric="r2")
    assert codes(result) == ["score_not_finite"]


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "luck"},
        {"params": {"average": "macro"}},
        {"id_column": "target"},
        {"target_columns": ("Usage",)},
        {"target_columns": ()},
        {"target_columns": ("",)},
        {"target_columns": ("x", "y")},
        {"metric": "f1", "params": {"average": "best"}},
        {"row_limit": 0},
    ],
)
def test_settings_that_cannot_work_are_refused_when_they_are_made(change: dict[str, object]) -> None:
    good = ScoringSpec(metric="accuracy", id_column="id", target_columns=("target",))
    assert ScoringSpec.from_json(good.as_json()) == good
    with pytest.raises(ValueError):
        dataclasses.replace(good, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.slug)
def test_every_metric_completes_its_settings(metric: Metric) -> None:
    complete = metric.complete({})
    assert metric.complete(complete) == complete
