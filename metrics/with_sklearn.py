"""Metrics that are scikit-learn's own, with what it leaves open decided: see docs/metrics.md.

Classes arrive as codes, so a contestant's long or many labels never become a wide NumPy string array. Predicted
classes that no true row has become one code before scikit-learn sees them: some of its metrics make a table of all
classes by all classes, and a file may name a class of its own in every row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from metrics.catalogue import Columns

STRANGER = -1  # every predicted class that no true row has
CLIP = 1e-15  # a certain and wrong prediction costs 34.54, not infinity


def balanced_accuracy(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    """Mean recall over the classes that the true rows have."""
    true = _codes(truth)
    classes = np.unique(true)
    said, _ = _without_strangers(_codes(predicted), classes)
    return float(sklearn_metrics.recall_score(true, said, labels=classes, average="macro"))


def precision(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    return _averaged(sklearn_metrics.precision_score, truth, predicted, params)


def recall(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    return _averaged(sklearn_metrics.recall_score, truth, predicted, params)


def f1(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    return _averaged(sklearn_metrics.f1_score, truth, predicted, params)


def roc_auc(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    """One column: binary. Several: one against the rest for each column, then averaged."""
    true, said = np.asarray(truth).T, np.asarray(predicted).T
    if len(truth) == 1:
        return float(sklearn_metrics.roc_auc_score(true[:, 0], said[:, 0]))
    return float(sklearn_metrics.roc_auc_score(true.astype(np.int64), said, average=params["average"]))


def log_loss(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    """One column: the probability of class 1. Several: one per class; each row is divided by its sum."""
    true, said = np.asarray(truth).T, np.asarray(predicted).T
    if len(truth) == 1:
        said = np.hstack([1 - said, said])
        classes = true[:, 0].astype(np.int64)
    else:
        said = said / said.sum(axis=1, keepdims=True)
        classes = true.argmax(axis=1)
    return float(sklearn_metrics.log_loss(classes, said.clip(CLIP, 1 - CLIP), labels=range(said.shape[1])))


def _codes(columns: Columns) -> NDArray[np.int64]:
    return np.asarray(columns[0]).astype(np.int64)


def _without_strangers(said: NDArray[np.int64], classes: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """`said` with STRANGER for whatever is not in `classes`, and how many different classes that were."""
    known = np.isin(said, classes)
    return np.where(known, said, STRANGER), len(np.unique(said[~known]))


def _averaged(
    score: Callable[..., Any], truth: Columns, predicted: Columns, params: Mapping[str, Any]
) -> float:
    """`binary` asks for the positive class alone: a third class in a file is then merely wrong."""
    average = params["average"]
    true = _codes(truth)
    classes = np.unique(true)
    if average == "binary":
        classes = np.union1d(classes, [params["pos_label"]])
    said, strangers = _without_strangers(_codes(predicted), classes)
    if average == "binary":
        return float(score(true, said, labels=[params["pos_label"]], average="macro", zero_division=0))
    if average == "macro":  # each stranger counts as a class, and its figure is 0
        figures = score(true, said, labels=classes, average=None, zero_division=0)
        return float(np.sum(figures) / (len(classes) + strangers))
    return float(score(true, said, average=average, zero_division=0))
