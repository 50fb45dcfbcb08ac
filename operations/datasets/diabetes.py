"""Disease progression of 442 diabetes patients one year after ten measurements (Efron et al. 2004)."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from operations.datasets.splitting import ContestFiles, DatasetError, Recipe, Row, existing, write_contest

_MEASUREMENTS = ("age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu")
_STRATA = 5  # fifths of the target: with so few patients a plain draw makes public and private tests differ

RECIPE = Recipe(
    slug="diabetes",
    feature_columns=_MEASUREMENTS,
    target_column="progression",
    baseline="150",
    public_percent=20,
    private_percent=25,
)


def diabetes(workdir: Path, environment: Path) -> ContestFiles:
    """The files of "Diabetes progression": 248 patients to learn from, 86 public, 108 private test rows.

    `environment` is the directory of a built environment with scikit-learn, whose copy of the study is read.
    Raises DatasetError when it has none.
    """
    directory = workdir / "diabetes"
    files = existing(RECIPE, directory)
    if files is not None:
        return files
    folders = sorted(environment.glob("lib/python3*/site-packages/sklearn/datasets/data"))
    if not folders:
        raise DatasetError(f"{os.fspath(environment)} holds no scikit-learn, which brings the diabetes study")
    return write_contest(RECIPE, read_study(folders[-1]), directory)


def read_study(folder: Path) -> list[Row]:
    """Rows of scikit-learn's two files: measurements as they were taken, and the target a year later."""
    try:
        patients = [tuple(line.split()) for line in _lines(folder / "diabetes_data_raw.csv.gz")]
        progressions = [int(float(line)) for line in _lines(folder / "diabetes_target.csv.gz")]
    except (OSError, EOFError, ValueError) as error:
        raise DatasetError(f"{os.fspath(folder)} holds no diabetes study: {error}") from error
    if len(patients) != len(progressions) or {len(patient) for patient in patients} != {len(_MEASUREMENTS)}:
        raise DatasetError(f"{os.fspath(folder)} holds no diabetes study: its two files do not match")
    ranked = sorted(progressions)
    return [
        Row(features=patient, target=str(target), stratum=str(ranked.index(target) * _STRATA // len(ranked)))
        for patient, target in zip(patients, progressions, strict=True)
    ]


def _lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="ascii") as file:
        return [line for line in file.read().splitlines() if line.strip()]
