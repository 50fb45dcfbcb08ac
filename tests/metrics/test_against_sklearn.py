"""Scores equal scikit-learn's own on random data, through the whole scorer: files in, result out."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from metrics import direct
from tests.metrics.judging import judged, table

Score = Callable[..., float]
USAGES = ("Public", "Private", "Ignored")
EXACT = 1e-12


class Draw:
    """A random task: true values, predictions and a Usage for each row."""

    def __init__(self, seed: int, rows: int = 400) -> None:
        self.random = random.Random(seed)
        self.rows = rows
        self.usage = [self.random.choice(USAGES) for _ in range(rows)]

    def labels(self, classes: Sequence[object]) -> list[object]:
        return [self.random.choice(classes) for _ in range(self.rows)]

    def numbers(self) -> list[float]:
        return [self.random.gauss(0, 3) for _ in range(self.rows)]

    def judge(
        self,
        folder: Path,
        metric: str,
        truth: Sequence[Sequence[object]],
        said: Sequence[Sequence[object]],
        **params: str,
    ) -> dict[str, Any]:
        """Score columns `said` against columns `truth`."""
        names = [f"t{at}" for at in range(len(truth))]
        order = list(range(self.rows))
        solution = table(
            ["id", *names, "Usage"], ([f"r{at}", *(c[at] for c in truth), self.usage[at]] for at in order)
        )
        self.random.shuffle(order)
        predictions = table(["id", *names], ([f"r{at}", *(c[at] for c in said)] for at in order))
        return judged(
            folder, predictions, solution=solution, metric=metric, targets=names, params=dict(params)
        )

    def part(self, values: Sequence[Any], usage: str) -> list[Any]:
        return [value for value, row in zip(values, self.usage, strict=True) if row == usage]

    def agrees(
        self, result: dict[str, Any], score: Score, truth: Sequence[Any], said: Sequence[Any], **options: Any
    ) -> None:
        for usage in ("Public", "Private"):
            expected = score(self.part(truth, usage), self.part(said, usage), **options)
            assert math.isclose(result[usage.lower()], expected, rel_tol=EXACT, abs_tol=EXACT)


LabelCase = tuple[str, dict[str, str], Score, dict[str, Any]]
LABEL_SCORES: list[LabelCase] = [
    ("accuracy", {}, oracle.accuracy_score, {}),
    ("balanced_accuracy", {}, oracle.balanced_accuracy_score, {}),
    *(
        (slug, {"average": average}, score, {"average": average, "zero_division": 0})
        for slug, score in (
            ("precision", oracle.precision_score),
            ("recall", oracle.recall_score),
            ("f1", oracle.f1_score),
        )
        for average in ("macro", "micro", "weighted")
    ),
]


@pytest.mark.parametrize("classes", [range(10), ["cat", "dog", 'né,"w'], [0, 1], [-1, 10, 9]], ids=str)
@pytest.mark.parametrize("case", LABEL_SCORES, ids=lambda case: f"{case[0]} {case[1].get('average', '')}")
def test_label_metrics(tmp_path: Path, case: LabelCase, classes: Sequence[object]) -> None:
    slug, params, score, options = case
    draw = Draw(len(slug))
    truth, said = draw.labels(classes), draw.labels(classes)
    draw.agrees(draw.judge(tmp_path, slug, [truth], [said], **params), score, truth, said, **options)


@pytest.mark.parametrize("slug", ["precision", "recall", "f1"])
def test_binary_average_counts_the_positive_class_alone(tmp_path: Path, slug: str) -> None:
    draw = Draw(7)
    truth, said = draw.labels(["no", "yes"]), draw.labels(["no", "yes"])
    result = draw.judge(tmp_path, slug, [truth], [said], average="binary", pos_label="yes")
    draw.agrees(
        result,
        getattr(oracle, f"{slug}_score"),
        truth,
        said,
        average="binary",
        pos_label="yes",
        zero_division=0,
    )
    with_a_third = ["maybe" if at % 5 == 0 else label for at, label in enumerate(said)]
    result = draw.judge(tmp_path, slug, [truth], [with_a_third], average="binary", pos_label="yes")
    binary = [[label == "yes" for label in column] for column in (truth, with_a_third)]
    draw.agrees(result, getattr(oracle, f"{slug}_score"), *binary, average="binary", zero_division=0)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("case", LABEL_SCORES, ids=lambda case: f"{case[0]} {case[1].get('average', '')}")
def test_label_metrics_with_classes_nobody_has(tmp_path: Path, case: LabelCase) -> None:
    slug, params, score, options = case
    draw = Draw(5)
    truth, said = draw.labels(range(3)), draw.labels(range(8))
    draw.agrees(draw.judge(tmp_path, slug, [truth], [said], **params), score, truth, said, **options)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.filterwarnings("ignore:The number of unique classes")
@pytest.mark.parametrize("case", LABEL_SCORES, ids=lambda case: f"{case[0]} {case[1].get('average', '')}")
@pytest.mark.parametrize("seed", range(3))
def test_label_metrics_where_most_rows_name_a_class_of_their_own(
    tmp_path: Path, case: LabelCase, seed: int
) -> None:
    slug, params, score, options = case
    draw = Draw(seed)
    truth = draw.labels([0, 1, 1, 1, 2])
    own = [label if draw.random.random() < 0.3 else 100 + at for at, label in enumerate(truth)]
    draw.agrees(draw.judge(tmp_path, slug, [truth], [own], **params), score, truth, own, **options)
    text = [f" {label} " if label in (0, 1, 2) else f"né {label}" for label in own]
    named = ["né 0" if label == 0 else str(label) for label in truth]
    bare = [label.strip() for label in text]
    draw.agrees(draw.judge(tmp_path, slug, [named], [text], **params), score, named, bare, **options)


@pytest.mark.parametrize("steps", [3, 1000], ids=["many ties", "few ties"])
def test_binary_roc_auc_and_ties(tmp_path: Path, steps: int) -> None:
    draw = Draw(steps)
    truth = draw.labels([0, 1])
    said = [draw.random.randrange(steps) / 7 - 3 for _ in truth]
    result = draw.judge(tmp_path, "roc_auc", [truth], [said])
    draw.agrees(result, oracle.roc_auc_score, truth, said)
    points = result["feedback"]["curves"][0]["points"]
    assert [point[0] for point in points] == sorted(point[0] for point in points)
    assert points[-1] == [1.0, 1.0]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))
    assert area == pytest.approx(result["public"], abs=0.02)


def test_equal_scores_for_all_rows_are_an_auc_of_one_half(tmp_path: Path) -> None:
    draw = Draw(2)
    result = draw.judge(tmp_path, "roc_auc", [draw.labels([0, 1])], [[0.3] * draw.rows])
    assert (result["public"], result["private"]) == (0.5, 0.5)


def one_hot(labels: Sequence[int], classes: int) -> list[list[int]]:
    return [[int(label == at) for label in labels] for at in range(classes)]


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_roc_auc_of_class_columns_is_one_against_the_rest(tmp_path: Path, average: str) -> None:
    draw = Draw(11)
    labels = [draw.random.randrange(4) for _ in range(draw.rows)]
    raw = np.array([[draw.random.random() + 0.05 for _ in range(4)] for _ in labels])
    said = raw / raw.sum(axis=1, keepdims=True)
    result = draw.judge(tmp_path, "roc_auc", one_hot(labels, 4), said.T.tolist(), average=average)
    draw.agrees(result, oracle.roc_auc_score, labels, said, average=average, multi_class="ovr")


def test_binary_log_loss(tmp_path: Path) -> None:
    draw = Draw(13)
    truth = draw.labels([0, 1])
    said = [draw.random.random() for _ in truth]
    result = draw.judge(tmp_path, "log_loss", [truth], [said])
    draw.agrees(result, oracle.log_loss, truth, said)
    classes = result["feedback"]["classes"]
    guess = [int(value >= 0.5) for value in draw.part(said, "Public")]
    assert classes["matrix"] == oracle.confusion_matrix(draw.part(truth, "Public"), guess).tolist()


def test_log_loss_of_class_columns_divides_each_row_by_its_sum(tmp_path: Path) -> None:
    draw = Draw(17)
    labels = [draw.random.randrange(5) for _ in range(draw.rows)]
    raw = np.array([[draw.random.random() + 0.01 for _ in range(5)] for _ in labels])
    result = draw.judge(tmp_path, "log_loss", one_hot(labels, 5), (raw / raw.max()).T.tolist())
    said = raw / raw.sum(axis=1, keepdims=True)
    draw.agrees(result, oracle.log_loss, labels, said, labels=range(5))


@pytest.mark.parametrize("columns", [1, 2])
def test_a_certain_and_wrong_prediction_costs_a_clipped_log_loss(tmp_path: Path, columns: int) -> None:
    draw = Draw(19, rows=60)
    certain = [[1] * draw.rows, [0] * draw.rows]
    result = draw.judge(tmp_path, "log_loss", certain[:columns], certain[::-1][:columns])
    assert result["public"] == result["private"] == pytest.approx(-math.log(1e-15))
    perfect = draw.judge(tmp_path, "log_loss", certain[:columns], certain[:columns])
    assert perfect["public"] == pytest.approx(0, abs=1e-14)


NUMBER_SCORES = [
    ("rmse", oracle.root_mean_squared_error),
    ("mae", oracle.mean_absolute_error),
    ("r2", oracle.r2_score),
]


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize(("slug", "score"), NUMBER_SCORES)
def test_number_metrics(tmp_path: Path, slug: str, score: Score, columns: int) -> None:
    draw = Draw(columns)
    truth, said = ([draw.numbers() for _ in range(columns)] for _ in range(2))
    result = draw.judge(tmp_path, slug, truth, said)
    draw.agrees(result, score, list(zip(*truth, strict=True)), list(zip(*said, strict=True)))


@pytest.mark.parametrize(("slug", "score"), NUMBER_SCORES)
def test_number_metrics_far_from_zero_lose_no_digits(slug: str, score: Score) -> None:
    draw = Draw(23)
    truth = [1e9 + value for value in draw.numbers()]
    said = [1e9 + value for value in draw.numbers()]
    mine = getattr(direct, slug)([truth], [said], {})
    assert math.isclose(mine, score(truth, said), rel_tol=1e-6)
    assert mine == getattr(direct, slug)([truth[::-1]], [said[::-1]], {})


@pytest.mark.parametrize("slug", ["accuracy", "f1"])
def test_confusion_matrix_and_per_class_figures(tmp_path: Path, slug: str) -> None:
    draw = Draw(29)
    truth, said = draw.labels(range(4)), draw.labels(range(4))
    classes = draw.judge(tmp_path, slug, [truth], [said])["feedback"]["classes"]
    public = draw.part(truth, "Public"), draw.part(said, "Public")
    assert classes["labels"] == ["0", "1", "2", "3"]
    assert classes["matrix"] == oracle.confusion_matrix(*public).tolist()
    expected = oracle.precision_recall_fscore_support(*public, zero_division=0)
    for at, row in enumerate(classes["per_class"]):
        figures = [row["precision"], row["recall"], row["f1"], row["support"]]
        assert figures == pytest.approx([column[at] for column in expected], abs=5e-5)
