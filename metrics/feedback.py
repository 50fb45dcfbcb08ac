"""What a contestant learns beyond the score, from the public rows alone and in bounded size.

Feedback is an answer about hidden labels, and who asks chooses the question: a file that gives each row a class,
a rank or a residual of its own would read out the rows one by one. So no figure is about fewer than `GROUP` rows
that the contestant can tell apart: classes that the public rows do not have, or that were predicted for fewer rows,
count as "other" (with the next rarest, until that is a group, too); the ROC curve has so few steps that each
passes a group of negatives, and rises by groups of positives; residuals are counted in bins that hold a group each,
their quantiles are means of neighbours without the extremes. With fewer than `MIN_ROWS` public rows there is no
feedback.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from metrics.catalogue import Columns
from metrics.scoring_spec import ScoringSpec

MIN_ROWS = 20
GROUP = 5
MAX_CLASSES = 40
MAX_COLUMNS = 10
BINS = 20
CURVE_STEPS = 20
MIN_CURVE_STEPS, MIN_BINS = 4, 4
EVEN = 0.5
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LABEL_CHARACTERS = 60


def feedback(spec: ScoringSpec, classes: Sequence[str], truth: Columns, predicted: Columns) -> dict[str, Any]:
    """JSON with those of the sections "classes", "curves" and "residuals" that the metric has; empty for none.

    `classes` names the codes of a label metric. A task of probabilities has classes where they are true
    probabilities: the likeliest class is taken as the prediction.
    """
    if len(truth[0]) < MIN_ROWS:
        return {}
    metric = spec.definition
    if metric.needs == "labels":
        return {"classes": _classes(classes, truth[0], predicted[0])}
    columns = list(zip(spec.target_columns, truth, predicted, strict=True))[:MAX_COLUMNS]
    if metric.needs == "numbers":
        return {"residuals": [{"column": name} | _residuals(true, said) for name, true, said in columns]}
    sections: dict[str, Any] = {
        "curves": [{"column": name, "points": _curve(true, said)} for name, true, said in columns]
    }
    if metric.within_0_1:
        names = spec.target_columns if len(truth) > 1 else ("0", "1")
        sections["classes"] = _classes(names, _likeliest(truth), _likeliest(predicted))
    return sections


def _likeliest(columns: Columns) -> list[int]:
    """The class of each row: the column with the largest value; of one column, whether it is at least 0.5."""
    if len(columns) == 1:
        return [int(value >= EVEN) for value in columns[0]]
    return [row.index(max(row)) for row in zip(*columns, strict=True)]


def _classes(names: Sequence[str], truth: Sequence[float], predicted: Sequence[float]) -> dict[str, Any]:
    """`matrix[true][said]` over `labels`; with `other` a last row and column hold all other classes.

    A class that was predicted too rarely to tell of has an empty column, and None for its figures.
    """
    support = Counter(int(code) for code in truth)
    listed = sorted(code for code, _ in support.most_common(MAX_CLASSES))
    place = {code: at for at, code in enumerate(listed)}
    rare = _rare(listed, predicted)
    pairs = Counter(
        (
            place.get(int(true), len(listed)),
            len(listed) if said in rare else place.get(int(said), len(listed)),
        )
        for true, said in zip(truth, predicted, strict=True)
    )
    other = any(len(listed) in pair for pair in pairs)
    size = len(listed) + other
    matrix = [[pairs[true, said] for said in range(size)] for true in range(size)]
    per_class = []
    for at, code in enumerate(listed):
        said = sum(row[at] for row in matrix)
        right, true = matrix[at][at], support[code]
        told = code not in rare
        per_class.append(
            {
                "label": names[code][:LABEL_CHARACTERS],
                "precision": _ratio(right, said) if told else None,
                "recall": _ratio(right, true) if told else None,
                "f1": _ratio(2 * right, said + true) if told else None,
                "support": true,
            }
        )
    labels = [row["label"] for row in per_class]
    return {"labels": labels, "other": other, "matrix": matrix, "per_class": per_class}


def _rare(listed: Sequence[int], predicted: Sequence[float]) -> set[int]:
    """The listed classes that count as "other": those said for some rows, but for too few, and what must hide them."""
    said = Counter(int(code) for code in predicted)
    common = sorted((code for code in listed if said[code] >= GROUP), key=lambda code: (said[code], code))
    rare = {code for code in listed if 0 < said[code] < GROUP}
    other = len(predicted) - sum(said[code] for code in common)
    while 0 < other < GROUP and common:
        other += said[common[0]]
        rare.add(common.pop(0))
    return rare


def _ratio(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _residuals(truth: Sequence[float], predicted: Sequence[float]) -> dict[str, Any]:
    """Predicted minus true: quantiles, and counts between `edges`; the outer bins hold the tails as well."""
    errors = sorted(said - true for true, said in zip(truth, predicted, strict=True))
    low, high = _quantile(errors, 0.05), _quantile(errors, 0.95)
    bins = max(MIN_BINS, min(BINS, len(errors) // GROUP))
    edges = [low + (high - low) * step / bins for step in range(1, bins)]
    counts = [0] * bins
    for error in errors:
        counts[bisect.bisect_right(edges, error)] += 1
    edges, counts = _grouped(edges, counts)
    return {
        "quantiles": {f"{share:g}": _rounded(_quantile(errors, share)) for share in QUANTILES},
        "edges": [_rounded(edge) for edge in edges],
        "counts": counts,
    }


def _grouped(edges: Sequence[float], counts: Sequence[int]) -> tuple[list[float], list[int]]:
    """Bins put together until each holds a group: one row alone between far ones would show its place."""
    kept_edges: list[float] = []
    kept: list[int] = []
    held = 0
    for edge, count in zip(edges, counts, strict=False):
        held += count
        if held >= GROUP:
            kept_edges.append(edge)
            kept.append(held)
            held = 0
    held += counts[-1]
    if held >= GROUP or not kept:
        return kept_edges, [*kept, held]
    return kept_edges[:-1], [*kept[:-1], kept[-1] + held]


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The mean of up to GROUP neighbours; neither the least nor the largest is among them."""
    at = round(share * (len(ordered) - 1))
    near = ordered[max(1, at - GROUP // 2) : min(len(ordered) - 1, at + GROUP // 2 + 1)]
    return math.fsum(
        value / len(near) for value in near
    )  # divided first: the sum may be too large for a float


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _curve(truth: Sequence[float], scores: Sequence[float]) -> list[list[float]]:
    """[false positive rate, true positive rate] on a grid, the latter rounded to whole groups of positives.

    Rows with equal scores move together. Empty when a class has too few rows.
    """
    positives = math.fsum(truth)
    negatives = len(truth) - positives
    steps = int(min(CURVE_STEPS, negatives // GROUP, positives // GROUP))
    if steps < MIN_CURVE_STEPS:
        return []
    points = [(0.0, 0.0)]
    hits = false_alarms = 0.0
    ordered = sorted(zip(scores, truth, strict=True), reverse=True)
    for at, (score, true) in enumerate(ordered):
        hits += true
        false_alarms += 1 - true
        if at + 1 == len(ordered) or ordered[at + 1][0] != score:
            points.append((false_alarms / negatives, hits / positives))
    rates = [step / steps for step in range(steps)]
    groups = [math.floor(_height(points, rate) * positives / GROUP + 0.5) for rate in rates]
    told = zip(rates, groups, strict=True)
    return [
        *([round(rate, 4), round(min(1.0, group * GROUP / positives), 3)] for rate, group in told),
        [1.0, 1.0],
    ]


def _height(points: Sequence[tuple[float, float]], rate: float) -> float:
    """The curve's highest value at a false positive rate, between points on a straight line."""
    after = bisect.bisect_right(points, (rate, math.inf))
    left = points[after - 1]
    if after == len(points) or left[0] == rate:
        return left[1]
    right = points[after]
    return left[1] + (right[1] - left[1]) * (rate - left[0]) / (right[0] - left[0])
