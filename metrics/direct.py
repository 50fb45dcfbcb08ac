"""Metrics computed without numpy, so that their scorer starts in milliseconds. Equality with scikit-learn is
tested.

`math.fsum` adds exactly, so a score does not depend on the order of rows. Several target columns: mean over
columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from metrics.catalogue import Columns

Column = Sequence[float]


def accuracy(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    right = sum(true == said for true, said in zip(truth[0], predicted[0], strict=True))
    return right / len(truth[0])


def rmse(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    return _over_columns(
        lambda true, said: math.sqrt(_squared_error(true, said) / len(true)), truth, predicted
    )


def mae(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    return _over_columns(_absolute_error, truth, predicted)


def r2(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    """Needs columns that vary; `scorer` refuses a solution where one does not."""
    return _over_columns(_explained, truth, predicted)


def _over_columns(one: Callable[[Column, Column], float], truth: Columns, predicted: Columns) -> float:
    return math.fsum(map(one, truth, predicted)) / len(truth)


def _squared_error(true: Column, said: Column) -> float:
    return math.fsum((a - b) ** 2 for a, b in zip(true, said, strict=True))


def _absolute_error(true: Column, said: Column) -> float:
    return math.fsum(abs(a - b) for a, b in zip(true, said, strict=True)) / len(true)


def _explained(true: Column, said: Column) -> float:
    mean = math.fsum(true) / len(true)
    spread = math.fsum((a - mean) ** 2 for a in true)
    return 1 - _squared_error(true, said) / spread
