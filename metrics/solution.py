"""The organiser's solution: ids, true values and which rows count for which score.

A mistake here is never the contestant's: it is raised as BadSetup, with every mistake found, for organisers
only. Where the task says how large a share is public, the rows need no Usage: the public ones are drawn.
"""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Callable, Sequence
from itertools import compress
from pathlib import Path
from typing import BinaryIO

from metrics import cells
from metrics.catalogue import Columns
from metrics.complaints import BadSetup, Complaints, Refused, shown
from metrics.csv_records import records
from metrics.scoring_spec import USAGE_COLUMN, ScoringSpec
from metrics.split import draw

PUBLIC, PRIVATE, IGNORED = "Public", "Private", "Ignored"
USAGES = (PUBLIC, PRIVATE, IGNORED)


@dataclasses.dataclass(frozen=True, slots=True)
class Solution:
    """`positions`: id -> row. `columns`: true values by target column; 0 where `usage` is Ignored.

    `cell` reads a prediction cell of this task, with the classes already known. `perhaps_public` counts the rows that
    are public or do not say what they are, whatever else is wrong with them.
    """

    positions: dict[str, int]
    usage: list[str]
    columns: list[array.array[float]]
    cell: Callable[[str], float]
    classes: cells.Classes | None
    perhaps_public: int = 0

    def rows(self, usage: str) -> int:
        return self.usage.count(usage)

    def part(self, columns: Columns, usage: str) -> list[array.array[float]]:
        """The rows of `columns` with this Usage."""
        chosen = [row == usage for row in self.usage]
        return [array.array("d", compress(column, chosen)) for column in columns]


def read_solution(path: Path, spec: ScoringSpec) -> Solution:
    """Read solution.csv. Extra columns are left alone; values of Ignored rows are not looked at. Raises BadSetup."""
    solution, complaints = examine(path, spec)
    if solution is None or complaints.count:
        raise BadSetup(complaints.listed)
    return solution


def examine(
    path: Path, spec: ScoringSpec, complaints: Complaints | None = None
) -> tuple[Solution | None, Complaints]:
    """What can be read of solution.csv, and all that is wrong with it.

    With complaints the solution is good for comparing ids with other files, not for scoring; None when not even ids
    can be read.
    """
    complaints = complaints or Complaints()
    raw = _Raw([[] for _ in spec.target_columns])
    try:
        with path.open("rb") as stream:
            raw.read(stream, spec, complaints)
    except Refused as refused:
        complaints.stop(refused.code, **refused.params)
        if not raw.positions:
            return None, complaints
    if PUBLIC not in raw.usage and raw.header_is_good:
        complaints.add("no_public_rows")
    classes = _classes(raw.texts[0], raw.usage) if spec.definition.needs == "labels" else None
    columns = [
        _values(raw, at, classes.code if classes else cells.number, name, complaints)
        for at, name in enumerate(spec.target_columns)
    ]
    # What cannot be read is no truth to compare another file with.
    for position in raw.unreadable:
        raw.usage[position] = IGNORED
    if spec.definition.needs == "probabilities" and not complaints.count:
        _check_binary(raw, columns, spec.target_columns, complaints)
        if len(columns) > 1 and spec.definition.within_0_1:
            _check_one_hot(raw, columns, complaints)
    if spec.public_share is not None and not complaints.count:
        raw.usage = _drawn(raw, columns, spec, complaints)
    cell = classes.code if classes else (cells.probability if spec.definition.within_0_1 else cells.number)
    return Solution(raw.positions, raw.usage, columns, cell, classes, raw.perhaps_public), complaints


def _drawn(
    raw: _Raw, columns: list[array.array[float]], spec: ScoringSpec, complaints: Complaints
) -> list[str]:
    numbers = spec.definition.needs == "numbers"
    share = spec.public_share or 0
    public = draw(list(raw.positions), columns, numbers=numbers, share=share, seed=spec.split_seed)
    if not any(public):
        complaints.add("split_empty", share=share, usage=PUBLIC)
    return [PUBLIC if is_public else PRIVATE for is_public in public]


@dataclasses.dataclass(slots=True)
class _Raw:
    """The solution's rows as text. Equal labels share one string object."""

    texts: list[list[str]]
    positions: dict[str, int] = dataclasses.field(default_factory=dict)
    usage: list[str] = dataclasses.field(default_factory=list)
    rows: array.array[int] = dataclasses.field(default_factory=lambda: array.array("q"))  # row in the file
    header_is_good: bool = False
    unreadable: set[int] = dataclasses.field(default_factory=set)  # places of true values that were refused
    perhaps_public: int = 0

    def read(self, stream: BinaryIO, spec: ScoringSpec, complaints: Complaints) -> None:
        rows = records(stream)
        _, header = next(rows, (1, []))
        drawn = spec.public_share is not None
        wanted = (spec.id_column, *spec.target_columns, *(() if drawn else (USAGE_COLUMN,)))
        _complain_of_header(header, wanted, complaints)
        if header.count(spec.id_column) != 1:
            return  # without ids nothing else can be said
        at = {name: header.index(name) if header.count(name) == 1 else None for name in wanted}
        self.header_is_good = not complaints.count
        shared: dict[str, str] = {usage: usage for usage in USAGES}
        for row, found in rows:
            sound = self.header_is_good
            if len(found) != len(header):
                code = "too_few_cells" if len(found) < len(header) else "too_many_cells"
                complaints.add(code, row=row, found=len(found), expected=len(header))
                sound = False
            identifier = _cell(found, at[spec.id_column])
            if not self._is_new(identifier, row, complaints, ragged=len(found) != len(header)):
                continue
            usage = PUBLIC if drawn else _cell(found, at[USAGE_COLUMN])
            if sound and usage not in USAGES:
                complaints.add("bad_usage", row=row)
                sound = False
            self.perhaps_public += usage == PUBLIC or usage not in USAGES
            self.positions[identifier] = len(self.positions)
            # A row that was complained of keeps its id, so that no other file is blamed for it.
            self.usage.append(shared[usage] if sound else IGNORED)
            self.rows.append(row)
            for column, name in zip(self.texts, spec.target_columns, strict=True):
                text = _cell(found, at[name])
                column.append(shared.setdefault(text, text))

    def _is_new(self, identifier: str, row: int, complaints: Complaints, *, ragged: bool) -> bool:
        if not identifier.strip():
            if not ragged:
                complaints.add("blank_id", row=row)
        elif identifier in self.positions:
            first_row = self.rows[self.positions[identifier]]
            if not ragged:
                complaints.add("duplicate_id", row=row, id=shown(identifier), first_row=first_row)
        else:
            return True
        return False


def _cell(found: list[str], place: int | None) -> str:
    return found[place] if place is not None and place < len(found) else ""


def _complain_of_header(header: list[str], wanted: Sequence[str], complaints: Complaints) -> None:
    for name in wanted:
        if header.count(name) != 1:
            complaints.add("duplicate_column" if name in header else "missing_column", column=name)


def _classes(labels: list[str], usage: list[str]) -> cells.Classes:
    seen = {label for label, row in zip(labels, usage, strict=True) if row != IGNORED}
    return cells.Classes(label for label in seen if label.strip())


def _values(
    raw: _Raw, column: int, cell: Callable[[str], float], name: str, complaints: Complaints
) -> array.array[float]:
    """A column's true values. Complaints do not quote them: a log may be read by more people than a solution."""
    values = array.array("d", bytes(8 * len(raw.rows)))
    for position, text in enumerate(raw.texts[column]):
        if raw.usage[position] == IGNORED:
            continue
        try:
            values[position] = cell(text)
        except Refused as refused:
            hidden = {key: "…" if key == "value" else param for key, param in refused.params.items()}
            complaints.add(refused.code, row=raw.rows[position], column=name, **hidden)
            raw.unreadable.add(position)
    return values


def _check_binary(
    raw: _Raw, columns: list[array.array[float]], names: tuple[str, ...], complaints: Complaints
) -> None:
    for name, column in zip(names, columns, strict=True):
        for position, value in enumerate(column):
            if raw.usage[position] != IGNORED and value not in (0.0, 1.0):
                complaints.add("solution_not_binary", row=raw.rows[position], column=name)


def _check_one_hot(raw: _Raw, columns: list[array.array[float]], complaints: Complaints) -> None:
    for position, row in enumerate(zip(*columns, strict=True)):
        if raw.usage[position] != IGNORED and sum(row) != 1:
            complaints.add("solution_not_one_hot", row=raw.rows[position])
