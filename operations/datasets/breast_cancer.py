"""569 breast tumours, each measured on the picture of a cell sample (Wolberg, Street and Mangasarian 1995)."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from operations.datasets.splitting import ContestFiles, DatasetError, Recipe, Row, existing, write_contest

_PROPERTIES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)
# Of each property over the cells of one picture: the mean, its standard error, and the mean of the three largest.
_MEASUREMENTS = tuple(f"{name}_{part}" for part in ("mean", "error", "worst") for name in _PROPERTIES)
_MALIGNANT = {"0": "1", "1": "0"}  # scikit-learn counts the benign ones as 1

RECIPE = Recipe(
    slug="breast-cancer",
    feature_columns=_MEASUREMENTS,
    target_column="malignant",
    baseline="0.37",
    public_percent=20,
    private_percent=25,
)


def breast_cancer(workdir: Path, environment: Path) -> ContestFiles:
    """The files of "Breast cancer": 314 tumours to learn from, 113 public, 142 private test rows.

    `environment` is the directory of a built environment with scikit-learn, whose copy of the study is read.
    Raises DatasetError when it has none.
    """
    directory = workdir / "breast-cancer"
    files = existing(RECIPE, directory)
    if files is not None:
        return files
    found = sorted(environment.glob("lib/python3*/site-packages/sklearn/datasets/data/breast_cancer.csv"))
    if not found:
        raise DatasetError(f"{os.fspath(environment)} holds no scikit-learn, which brings the tumours")
    return write_contest(RECIPE, read_tumours(found[-1]), directory)


def read_tumours(path: Path) -> list[Row]:
    """Rows of scikit-learn's file: a line that counts what follows, then thirty measurements and the class."""
    try:
        with path.open(encoding="ascii", newline="") as file:
            (count, *_), *lines = csv.reader(file)
        rows = [_row(line) for line in lines]
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(f"{os.fspath(path)} holds no tumours: {error}") from error
    if str(len(rows)) != count:
        raise DatasetError(f"{os.fspath(path)} holds no tumours: it is not whole")
    return rows


def _row(fields: list[str]) -> Row:
    *measurements, benign = fields
    if len(measurements) != len(_MEASUREMENTS) or not all(float(text) >= 0 for text in measurements):
        raise ValueError("a line is not thirty measurements and a class")
    return Row(features=tuple(measurements), target=_MALIGNANT[benign], stratum=benign)
