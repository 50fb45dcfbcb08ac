"""An honest baseline without numpy: ridge regression by the normal equations, fitted to train.csv alone."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from operations.datasets.splitting import ContestFiles

_PENALTY = (
    1.0  # on standardised columns; keeps the strongly correlated blood values from cancelling each other
)


def linear_predictions(files: ContestFiles) -> bytes:
    """A prediction file for the contest's test rows: id and target, in the order of test.csv."""
    training, test = _read(files, "train.csv"), _read(files, "test.csv")
    columns = [name for name in test[0] if name != files.id_column]
    features = [[float(row[name]) for name in columns] for row in training]
    targets = [float(row[files.target_column]) for row in training]
    model = Ridge(features, targets)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((files.id_column, files.target_column))
    for row in test:
        writer.writerow(
            (row[files.id_column], f"{model.predict([float(row[name]) for name in columns]):.2f}")
        )
    return text.getvalue().encode()


class Ridge:
    """min ‖y − mean(y) − Zw‖² + penalty·‖w‖², where Z are the standardised columns."""

    def __init__(self, features: list[list[float]], targets: list[float], penalty: float = _PENALTY) -> None:
        count = len(targets)
        columns = list(zip(*features, strict=True))
        self._means = [math.fsum(column) / count for column in columns]
        self._scales = [
            math.sqrt(math.fsum((value - mean) ** 2 for value in column) / count) or 1.0
            for column, mean in zip(columns, self._means, strict=True)
        ]
        self._intercept = math.fsum(targets) / count
        rows = [self._standardised(row) for row in features]
        standardised = list(zip(*rows, strict=True))
        centred = [target - self._intercept for target in targets]
        matrix = [
            [_dot(left, right) + (penalty if i == j else 0.0) for j, right in enumerate(standardised)]
            for i, left in enumerate(standardised)
        ]
        self._weights = solve(matrix, [_dot(column, centred) for column in standardised])

    def predict(self, row: list[float]) -> float:
        terms = (weight * value for weight, value in zip(self._weights, self._standardised(row), strict=True))
        return self._intercept + math.fsum(terms)

    def _standardised(self, row: list[float]) -> list[float]:
        return [
            (value - mean) / scale for value, mean, scale in zip(row, self._means, self._scales, strict=True)
        ]


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """The solution of `matrix` x = `right`: Gaussian elimination with partial pivoting."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda j: abs(rows[j][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    solution = [0.0] * size
    for i in reversed(range(size)):
        known = math.fsum(rows[i][j] * solution[j] for j in range(i + 1, size))
        solution[i] = (rows[i][size] - known) / rows[i][i]
    return solution


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def _read(files: ContestFiles, name: str) -> list[dict[str, str]]:
    with files.public[name].open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
