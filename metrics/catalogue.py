"""The metrics Podium offers: what each is called, needs and promises.

Standard library only, so the site imports it for forms, boards and docs. An implementation is named as
"module:function" and imported when it is called: a task scored by accuracy never pays for importing
scikit-learn. Every implementation is `function(truth, predicted, params) -> float` on columns of equal length
(see `Columns`).
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from metrics.complaints import gettext_noop

Direction = Literal["maximize", "minimize"]
Needs = Literal["labels", "probabilities", "numbers"]
Columns = Sequence[Sequence[float]]  # one sequence per target column; classes are given as codes 0, 1, 2, …
Implementation = Callable[[Columns, Columns, Mapping[str, Any]], float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A setting of a metric: one of `choices`, or free text where `choices` is empty."""

    name: str
    title: str
    default: str
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`needs`: what a prediction cell is: a class, a probability (or other score) of a class, or a number.

    With `several_columns` a task may have more than one target column; with `within_0_1` a prediction outside
    0 to 1 is refused. `decimals` is how many decimals a score has: scores equal when rounded so are a tie.
    """

    slug: str
    title: str
    direction: Direction
    needs: Needs
    implementation: str
    range: str
    several_columns: bool = False
    within_0_1: bool = False
    params: tuple[Param, ...] = ()
    decimals: int = 5

    @property
    def function(self) -> Implementation:
        """The implementation; importing it may import numpy and scikit-learn."""
        module, name = self.implementation.split(":")
        implementation: Implementation = getattr(importlib.import_module(module), name)
        return implementation

    def complete(self, given: Mapping[str, Any]) -> dict[str, str]:
        """`given` with defaults filled in. Raises ValueError for an unknown name or value."""
        unknown = sorted(set(given) - {param.name for param in self.params})
        if unknown:
            raise ValueError(f"{self.slug} has no setting {', '.join(unknown)}")
        complete = {param.name: given.get(param.name, param.default) for param in self.params}
        for param in self.params:
            value = complete[param.name]
            if not isinstance(value, str) or (param.choices and value not in param.choices):
                allowed = ", ".join(param.choices) or "text"
                raise ValueError(f"{self.slug}: {param.name} must be {allowed}, not {value!r}")
        return complete


_AVERAGE = Param(
    name="average",
    title=gettext_noop("Average over classes"),
    default="macro",
    choices=("macro", "micro", "weighted", "binary"),
    help=gettext_noop(
        "macro: every class counts the same. micro: every row counts the same. weighted: classes count by "
        "their "
        "number of rows. binary: only the positive class counts."
    ),
)
_POSITIVE = Param(
    name="pos_label",
    title=gettext_noop("Positive class"),
    default="1",
    help=gettext_noop("The class that counts when the average is “binary”."),
)
_COLUMN_AVERAGE = Param(
    name="average",
    title=gettext_noop("Average over class columns"),
    default="macro",
    choices=("macro", "weighted"),
    help=gettext_noop("Only where a task has one column per class."),
)

_METRICS = (
    Metric(
        slug="accuracy",
        title=gettext_noop("Accuracy"),
        direction="maximize",
        needs="labels",
        implementation="metrics.direct:accuracy",
        range="0 … 1",
    ),
    Metric(
        slug="balanced_accuracy",
        title=gettext_noop("Balanced accuracy"),
        direction="maximize",
        needs="labels",
        implementation="metrics.with_sklearn:balanced_accuracy",
        range="0 … 1",
    ),
    Metric(
        slug="precision",
        title=gettext_noop("Precision"),
        direction="maximize",
        needs="labels",
        implementation="metrics.with_sklearn:precision",
        range="0 … 1",
        params=(_AVERAGE, _POSITIVE),
    ),
    Metric(
        slug="recall",
        title=gettext_noop("Recall"),
        direction="maximize",
        needs="labels",
        implementation="metrics.with_sklearn:recall",
        range="0 … 1",
        params=(_AVERAGE, _POSITIVE),
    ),
    Metric(
        slug="f1",
        title=gettext_noop("F1"),
        direction="maximize",
        needs="labels",
        implementation="metrics.with_sklearn:f1",
        range="0 … 1",
        params=(_AVERAGE, _POSITIVE),
    ),
    Metric(
        slug="roc_auc",
        title=gettext_noop("ROC AUC"),
        direction="maximize",
        needs="probabilities",
        implementation="metrics.with_sklearn:roc_auc",
        range="0 … 1",
        several_columns=True,
        params=(_COLUMN_AVERAGE,),
    ),
    Metric(
        slug="log_loss",
        title=gettext_noop("Log loss"),
        direction="minimize",
        needs="probabilities",
        implementation="metrics.with_sklearn:log_loss",
        range="0 … 34.54",
        several_columns=True,
        within_0_1=True,
    ),
    Metric(
        slug="rmse",
        title=gettext_noop("Root mean squared error"),
        direction="minimize",
        needs="numbers",
        implementation="metrics.direct:rmse",
        range="0 … ∞",
        several_columns=True,
    ),
    Metric(
        slug="mae",
        title=gettext_noop("Mean absolute error"),
        direction="minimize",
        needs="numbers",
        implementation="metrics.direct:mae",
        range="0 … ∞",
        several_columns=True,
    ),
    Metric(
        slug="r2",
        title=gettext_noop("R²"),
        direction="maximize",
        needs="numbers",
        implementation="metrics.direct:r2",
        range="-∞ … 1",
        several_columns=True,
    ),
)

CATALOGUE: dict[str, Metric] = {metric.slug: metric for metric in _METRICS}
