"""From a table of real rows to a contest's files."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

ID_COLUMN = "id"
TRAIN, PUBLIC, PRIVATE = "Train", "Public", "Private"
_ID_DIGITS = 8


class DatasetError(Exception):
    """The source of a data set is not what it should be; the text is one line for the operator."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`features` and `target` as they stand in the files; the split keeps each `stratum` in proportion."""

    features: tuple[str, ...]
    target: str
    stratum: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContestFiles:
    """The files of one demo contest. `public` are for contestants, by name; `solution` is for the scorer
    alone: id, target, Usage (Public or Private).
    """

    slug: str
    target_column: str
    public: dict[str, Path]  # train.csv, test.csv, sample_submission.csv
    solution: Path
    id_column: str = ID_COLUMN


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a table becomes a contest. The percentages are of rows that become public and private test."""

    slug: str
    feature_columns: tuple[str, ...]
    target_column: str
    baseline: str  # what sample_submission.csv predicts for every row
    public_percent: int
    private_percent: int


def existing(recipe: Recipe, directory: Path) -> ContestFiles | None:
    """The contest's files if an earlier call has finished them; the solution is written last."""
    files = _paths(recipe, directory)
    return files if files.solution.is_file() else None


def write_contest(recipe: Recipe, rows: Sequence[Row], directory: Path) -> ContestFiles:
    """Split `rows` and write the contest's files below `directory`."""
    identified = _identified(recipe, rows)
    usage = _usage(recipe, identified)
    header = (ID_COLUMN, *recipe.feature_columns)
    target = recipe.target_column
    files = _paths(recipe, directory)
    directory.mkdir(parents=True, exist_ok=True)
    in_order = sorted(identified.items())  # ids are digests: ascending ids are a shuffled order
    test = [(key, row) for key, row in in_order if usage[key] != TRAIN]
    train = [(key, *row.features, row.target) for key, row in in_order if usage[key] == TRAIN]
    _write(files.public["train.csv"], (*header, target), train)
    _write(files.public["test.csv"], header, [(key, *row.features) for key, row in test])
    _write(
        files.public["sample_submission.csv"],
        (ID_COLUMN, target),
        [(key, recipe.baseline) for key, _ in test],
    )
    solution = [(key, row.target, usage[key]) for key, row in test]
    _write(files.solution, (ID_COLUMN, target, "Usage"), solution, mode=0o600)
    return files


def _paths(recipe: Recipe, directory: Path) -> ContestFiles:
    public = ("train.csv", "test.csv", "sample_submission.csv")
    return ContestFiles(
        slug=recipe.slug,
        target_column=recipe.target_column,
        public={name: directory / name for name in public},
        solution=directory / "solution.csv",
    )


def _digest(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:16], "big")


def _identified(recipe: Recipe, rows: Sequence[Row]) -> dict[int, Row]:
    """Rows by id, equal ones once. No id starts with 0: every program reads it as the same number."""
    lowest = 10 ** (_ID_DIGITS - 1)
    found: dict[int, Row] = {}
    for row in dict.fromkeys(rows):
        attempt = 0
        while True:
            key = lowest + _digest(recipe.slug, "id", str(attempt), *row.features) % (9 * lowest)
            other = found.setdefault(key, row)
            if other is row:
                break
            if other.features == row.features:
                raise DatasetError(f"{recipe.slug}: two rows differ in nothing but their target")
            attempt += 1
    return found


def _usage(recipe: Recipe, identified: dict[int, Row]) -> dict[int, str]:
    """Who gets which row, in the same proportion in every stratum."""
    strata: dict[str, list[int]] = defaultdict(list)
    for key, row in identified.items():
        strata[row.stratum].append(key)
    usage: dict[int, str] = {}
    for members in strata.values():
        drawn = sorted(members, key=lambda key: _digest(recipe.slug, "split", str(key)))
        public = len(drawn) * recipe.public_percent // 100
        hidden = public + len(drawn) * recipe.private_percent // 100
        for place, key in enumerate(drawn):
            usage[key] = PUBLIC if place < public else PRIVATE if place < hidden else TRAIN
    return usage


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]], *, mode: int = 0o644) -> None:
    """A CSV with plain newlines, in one atomic step."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text.getvalue())
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).chmod(mode)
    Path(temporary).replace(path)
