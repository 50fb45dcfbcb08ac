"""Metrics that are scikit-learn's own, with what it leaves open decided: see docs/metrics.md.

Classes arrive as codes, so a contestant's long or many labels never become a wide NumPy string array.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from metrics.catalogue import Columns

CLIP = 1e-15  # a certain and wrong prediction costs 34.54, not infinity


def balanced_accuracy(truth: Columns, predicted: Columns, params: Mapping[str, Any]) -> float:
    """Mean recall over the classes that the true rows have."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        return float(sklearn_metrics.balanced_accuracy_score(_codes(truth), _codes(predicted)))


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


def _averaged(
    score: Callable[..., float], truth: Columns, predicted: Columns, params: Mapping[str, Any]
) -> float:
    """`binary` asks for the positive class alone: a third class in a file is then merely wrong."""
    average = params["average"]
    labels = [params["pos_label"]] if average == "binary" else None
    return float(
        score(
            _codes(truth),
            _codes(predicted),
            labels=labels,
            average="macro" if average == "binary" else average,
            zero_division=0,
        )
    )
