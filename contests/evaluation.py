"""What the evaluation page tells of a task: its metric, the formula, the share of public rows, a sample."""

from __future__ import annotations

import dataclasses

from django.utils.translation import gettext_noop

from contests import preview
from contests.models import Check, TaskVersion

_MANUAL = "https://scikit-learn.org/stable/modules/generated/sklearn.metrics"
# In the notation everybody reads: y true, ŷ predicted, n rows, C classes.
FORMULAS = {
    "accuracy": (gettext_noop("(number of rows where ŷ = y) ÷ n"), "accuracy_score"),
    "balanced_accuracy": (
        gettext_noop("(recall of class 1 + … + recall of class C) ÷ C"),
        "balanced_accuracy_score",
    ),
    "precision": (gettext_noop("true positives ÷ (true positives + false positives)"), "precision_score"),
    "recall": (gettext_noop("true positives ÷ (true positives + false negatives)"), "recall_score"),
    "f1": (gettext_noop("2 · precision · recall ÷ (precision + recall)"), "f1_score"),
    "roc_auc": (
        gettext_noop("P(score of a positive row > score of a negative row), a tie counts ½"),
        "roc_auc_score",
    ),
    "log_loss": (gettext_noop("−(1 ÷ n) · Σ log(predicted probability of the true class)"), "log_loss"),
    "rmse": ("√( Σ (y − ŷ)² ÷ n )", "root_mean_squared_error"),
    "mae": ("Σ |y − ŷ| ÷ n", "mean_absolute_error"),
    "r2": (gettext_noop("1 − Σ (y − ŷ)² ÷ Σ (y − mean of y)²"), "r2_score"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Evaluation:
    """`public_percent` is None where it is not known (a solution with a Usage column that was never checked)."""

    version: TaskVersion
    formula: str
    manual: str
    public_percent: int | None
    sample: preview.Preview | None


def of(version: TaskVersion, *, sample: bool) -> Evaluation:
    """`sample`: whether the reader may see the data, of which the sample file is a part."""
    formula, page = FORMULAS.get(version.metric, ("", ""))
    return Evaluation(
        version,
        formula,
        f"{_MANUAL}.{page}.html" if page else "",
        _public_percent(version),
        _sample(version) if sample else None,
    )


def _public_percent(version: TaskVersion) -> int | None:
    if version.public_share is not None:
        return version.public_share
    check = version.checks.filter(status=Check.Status.GREEN).order_by("-created_at").first()
    rows = check.rows if check is not None else {}
    counted = rows.get("public", 0) + rows.get("private", 0)
    return round(100 * rows["public"] / counted) if counted else None


def _sample(version: TaskVersion) -> preview.Preview | None:
    for file in version.files.all():
        if file.name.startswith("sample"):
            return preview.of(file.blob)
    return None
