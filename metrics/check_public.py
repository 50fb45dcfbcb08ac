"""Looking for labels in the files that contestants may download.

Theory of operation. A file is read once, as a stream of CSV records. Where it has the id column and a target column,
the cells of ids that the solution has too are compared with the solution. Besides, every column is a suspect: of being
the solution under another name (by id), or in the solution's or the test file's order (by place, also without a
header). A suspect is let go at its first cell that differs, so a wide file costs little more than reading it; what is
left at the end is no chance, as at least `ENOUGH` rows with two different values must have agreed.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from metrics import cells
from metrics.check_findings import Findings
from metrics.check_findings import complaints as collected
from metrics.complaints import Complaints, Refused, shown
from metrics.csv_records import records
from metrics.scoring_spec import USAGE_COLUMN, ScoringSpec
from metrics.solution import IGNORED, USAGES, Solution

TEST_FILE = "test.csv"
MAX_BYTES = 200 << 20  # of one file
ENOUGH = 20  # rows that must agree before it is no chance; all of them where the solution has fewer
FEWEST = 5
SUSPICIOUS = 0.8  # agreement beyond chance (Cohen's kappa) of a copy of the labels
UNUSUAL = 0.1  # and of a file that holds some of them
LOOK_EVERY = 1000
MAX_PAIRS = 20_000  # of a column of the file and a target column that are compared
SEPARATORS = (";", "\t", "|")


class Truth:
    """The solution as other files are compared with it."""

    def __init__(self, spec: ScoringSpec, solution: Solution) -> None:
        self.spec = spec
        self.positions = solution.positions
        self.columns = solution.columns
        self.scored = [usage != IGNORED for usage in solution.usage]
        self.enough = max(FEWEST, min(ENOUGH, sum(self.scored)))
        names = solution.classes.names if solution.classes else []
        self._codes = {name: float(code) for code, name in enumerate(names)}
        self._by_number = solution.classes is None or solution.classes.whole_numbers

    def value(self, text: str) -> float | None:
        """What a cell says in the solution's own terms; None for what the solution could not hold."""
        if self._codes:
            code = self._codes.get(text.strip())
            if code is not None or not self._by_number:
                return code
        try:
            number = cells.number(text)
        except Refused:
            return None
        if not self._codes:
            return number
        return self._codes.get(str(int(number))) if number.is_integer() else None


@dataclasses.dataclass(slots=True)
class _Suspect:
    """A column that may hold target column `target`; `order` maps the file's rows to the solution's, None: by id."""

    column: int
    target: int
    order: Sequence[int | None] | None
    shift: int = 0  # 1: the header is data
    agreed: int = 0
    one_value: float | None = None
    several_values: bool = False

    def agree(self, true: float) -> None:
        self.agreed += 1
        if self.one_value is None:
            self.one_value = true
        self.several_values = self.several_values or true != self.one_value


@dataclasses.dataclass(slots=True)
class _Recoded:
    """A column that may name the classes in other words: each of its texts goes with one class, and the reverse."""

    column: int
    order: Sequence[int | None] | None
    shift: int = 0
    classes: dict[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    texts: dict[tuple[float, ...], str] = dataclasses.field(default_factory=dict)
    rows: Counter[str] = dataclasses.field(default_factory=Counter)

    def fits(self, text: str, true: tuple[float, ...]) -> bool:
        self.rows[text] += 1
        return (
            bool(text)
            and self.classes.setdefault(text, true) == true
            and self.texts.setdefault(true, text) == text
        )

    def is_no_chance(self) -> bool:
        seen = [count for count in self.rows.values() if count >= FEWEST]
        return self.rows.total() >= ENOUGH and len(seen) > 1


@dataclasses.dataclass(slots=True)
class _Overlap:
    """A target column of the file, by its name, for ids that the solution has too."""

    name: str
    column: int
    target: int
    rows: int = 0
    equal: int = 0
    first: tuple[int, str] = (0, "")
    first_equal: tuple[int, str] = (0, "")
    true: Counter[float] = dataclasses.field(default_factory=Counter)
    said: Counter[float | None] = dataclasses.field(default_factory=Counter)

    def beyond_chance(self) -> float:
        """Cohen's kappa: 1 where all values agree, about 0 where rows of the same id have nothing in common."""
        by_chance = sum(count * self.said[value] for value, count in self.true.items()) / self.rows**2
        return (self.equal / self.rows - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0

    def noise(self) -> float:
        """How far from 0 chance alone brings it, one time in twenty or less."""
        return 2 / math.sqrt(self.rows)


def check_public_file(
    path: Path, name: str, truth: Truth, test_order: Sequence[int | None] | None, findings: Findings
) -> None:
    """Look for labels in one file; what cannot be read as CSV is a mistake where the name says it is one."""
    complaints = collected()
    scan = _Scan(name, truth, test_order, findings)
    try:
        with path.open("rb") as stream:
            scan.read(stream, complaints)
    except Refused as refused:
        complaints.stop(refused.code, **refused.params)
        if refused.code == "not_csv" and not _says_csv(name):
            findings.note("not_looked_into", file=name)
    if _says_csv(name):
        findings.take(name, complaints)
    scan.conclude()


def _says_csv(name: str) -> bool:
    return name.lower().endswith(".csv")


def table(stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Records, split once more where the file separates its columns with something else; then commas are decimal."""
    separator = None
    for number, (row, found) in enumerate(records(stream)):
        if number == 0 and len(found) == 1:
            separator = next((mark for mark in SEPARATORS if mark in found[0]), None)
        yield row, ",".join(found).split(separator) if separator else found


def _id_column(header: list[str], name: str) -> int | None:
    """Where the ids stand; other capitals make no secret."""
    if header.count(name) == 1:
        return header.index(name)
    alike = [at for at, other in enumerate(header) if other.strip().lower() == name.strip().lower()]
    return alike[0] if len(alike) == 1 else None


class _Scan:
    def __init__(
        self, name: str, truth: Truth, test_order: Sequence[int | None] | None, findings: Findings
    ) -> None:
        self._name, self._truth, self._findings = name, truth, findings
        self._is_test = name.rpartition("/")[2] == TEST_FILE
        self._orders: list[Sequence[int | None]] = [range(len(truth.scored))]
        if test_order is not None and list(test_order) != list(self._orders[0]):
            self._orders.append(test_order)
        self._header: list[str] = []
        self._suspects: list[_Suspect] = []
        self._recoded: list[_Recoded] = []
        self._overlaps: list[_Overlap] = []
        self._id_at: int | None = None
        self._records = 0

    def read(self, stream: BinaryIO, complaints: Complaints) -> None:
        for row, found in table(stream):
            if not self._records:
                self._begin(found)
            elif len(found) != len(self._header):
                code = "too_few_cells" if len(found) < len(self._header) else "too_many_cells"
                complaints.add(code, row=row, found=len(found), expected=len(self._header))
            self._look(row, found)
            self._records += 1
            if self._records % LOOK_EVERY == 0 and stream.tell() > MAX_BYTES:
                self._findings.note("not_looked_to_the_end", file=self._name, mb=MAX_BYTES >> 20)
                return

    def _begin(self, header: list[str]) -> None:
        spec = self._truth.spec
        self._header = header
        self._id_at = _id_column(header, spec.id_column)
        for target, name in enumerate(spec.target_columns):
            if name in header and self._is_test:
                self._findings.add("target_in_test", file=self._name, column=name)
            elif name in header and self._id_at is not None:
                self._overlaps.append(_Overlap(name, header.index(name), target))
        told = {overlap.column for overlap in self._overlaps} | {self._id_at}
        if self._is_test:
            told |= {at for at, name in enumerate(header) if name in spec.target_columns}
        pairs = ((c, t) for c in range(len(header)) if c not in told for t in range(len(spec.target_columns)))
        for column, target in itertools.islice(pairs, MAX_PAIRS):
            if self._id_at is not None:
                self._suspects.append(_Suspect(column, target, None))
            for order in self._orders:
                self._suspects += [_Suspect(column, target, order, shift) for shift in (0, 1)]
        if spec.definition.needs != "numbers":
            self._suspect_other_words([column for column in range(len(header)) if column not in told])

    def _suspect_other_words(self, columns: list[int]) -> None:
        for column in columns[:MAX_PAIRS]:
            if self._id_at is not None:
                self._recoded.append(_Recoded(column, None))
            for order in self._orders:
                self._recoded += [_Recoded(column, order, shift) for shift in (0, 1)]

    def _look(self, row: int, found: list[str]) -> None:
        position = None
        if self._records and self._id_at is not None and self._id_at < len(found):
            position = self._truth.positions.get(found[self._id_at])
            if position is not None and not self._truth.scored[position]:
                position = None
        if position is not None:
            for overlap in self._overlaps:
                self._compare(overlap, row, found, position)
        if self._suspects:
            read: dict[int, float | None] = {}
            self._suspects = [one for one in self._suspects if self._still(one, found, position, read)]
        if self._recoded:
            self._recoded = [one for one in self._recoded if self._still_recoded(one, found, position)]
        if self._records == 1 and USAGE_COLUMN in self._header:
            at = self._header.index(USAGE_COLUMN)
            if at < len(found) and found[at] in USAGES:
                self._findings.add("usage_column", file=self._name)

    def _compare(self, overlap: _Overlap, row: int, found: list[str], position: int) -> None:
        text = found[overlap.column] if overlap.column < len(found) else ""
        if not text.strip():
            return
        here = (row, shown(found[self._id_at or 0]))
        overlap.first = overlap.first if overlap.rows else here
        overlap.rows += 1
        said, true = self._truth.value(text), self._truth.columns[overlap.target][position]
        overlap.said[said] += 1
        overlap.true[true] += 1
        if said == true:
            overlap.first_equal = overlap.first_equal if overlap.equal else here
            overlap.equal += 1

    def _still(
        self, one: _Suspect, found: list[str], by_id: int | None, read: dict[int, float | None]
    ) -> bool:
        """Whether nothing speaks against the suspicion after this record. `read`: cells read before, by column."""
        if one.order is not None and self._records - 1 + one.shift >= len(one.order):
            return False
        position = self._place(one, by_id)
        if position is None:
            return True
        if one.column not in read:
            read[one.column] = self._truth.value(found[one.column]) if one.column < len(found) else None
        true = self._truth.columns[one.target][position]
        if read[one.column] != true:
            return False
        one.agree(true)
        return True

    def _place(self, one: _Suspect | _Recoded, by_id: int | None) -> int | None:
        """The row of the solution that this record would speak of; None for none that counts."""
        if one.order is None:
            return by_id
        at = self._records - 1 + one.shift
        position = one.order[at] if 0 <= at < len(one.order) else None
        return position if position is not None and self._truth.scored[position] else None

    def _still_recoded(self, one: _Recoded, found: list[str], by_id: int | None) -> bool:
        if one.order is not None and self._records - 1 + one.shift >= len(one.order):
            return False
        position = self._place(one, by_id)
        if position is None:
            return True
        text = found[one.column].strip() if one.column < len(found) else ""
        return one.fits(text, tuple(column[position] for column in self._truth.columns))

    def conclude(self) -> None:
        for overlap in self._overlaps:
            self._say(overlap)
        said: set[tuple[int, int]] = set()
        for one in self._suspects:
            key = (one.column, one.target)
            if (
                self._whole(one)
                and one.agreed >= self._truth.enough
                and one.several_values
                and key not in said
            ):
                said.add(key)
                self._findings.add(
                    "solution_in_column",
                    file=self._name,
                    number=one.column + 1,
                    column=shown(self._header[one.column]),
                    target=self._truth.spec.target_columns[one.target],
                )

        told = {column for column, _target in said}
        for other in self._recoded:
            if self._whole(other) and other.column not in told and other.is_no_chance():
                told.add(other.column)
                self._findings.add(
                    "classes_in_column",
                    file=self._name,
                    number=other.column + 1,
                    column=shown(self._header[other.column]),
                )

    def _whole(self, one: _Suspect | _Recoded) -> bool:
        """Whether the file was as long as the order it was compared in."""
        return one.order is None or self._records - 1 + one.shift == len(one.order)

    def _say(self, overlap: _Overlap) -> None:
        if not overlap.rows:
            return
        agreement = overlap.beyond_chance()
        if agreement >= SUSPICIOUS or (overlap.equal == overlap.rows and len(overlap.true) == 1):
            row, identifier = overlap.first_equal
            self._findings.add(
                "labels_public",
                file=self._name,
                row=row,
                column=overlap.name,
                id=identifier,
                overlap=overlap.rows,
                count=overlap.equal,
            )
        else:
            row, identifier = overlap.first
            # Test rows are often numbered from 1 like the training rows, and are other rows all the same.
            mixed = agreement > UNUSUAL + overlap.noise()
            say = self._findings.add if mixed else self._findings.note
            say(
                "ids_in_solution" if mixed else "same_ids",
                file=self._name,
                row=row,
                column=overlap.name,
                id=identifier,
                count=overlap.rows,
            )


def check_test(
    path: Path, truth: Truth, findings: Findings, *, name: str = TEST_FILE
) -> list[int | None] | None:
    """Whether test.csv has the ids of the solution. Returns the solution's rows in its order; None without ids."""
    order: list[int | None] = []
    seen: set[int] = set()
    said: dict[str, dict[str, str | int]] = {}

    def mistake(code: str, row: int, identifier: str) -> None:
        first = said.setdefault(code, {"row": row, "id": shown(identifier), "count": 0})
        first["count"] = int(first["count"]) + 1

    try:
        with path.open("rb") as stream:
            rows = table(stream)
            _, header = next(rows, (1, []))
            if header.count(truth.spec.id_column) != 1:
                return None
            id_at = header.index(truth.spec.id_column)
            for row, found in rows:
                identifier = found[id_at] if id_at < len(found) else ""
                position = truth.positions.get(identifier)
                if position is None:
                    mistake("test_ids_unknown", row, identifier)
                elif position in seen:
                    mistake("test_ids_repeated", row, identifier)
                else:
                    seen.add(position)
                order.append(position)
    except Refused:
        return None  # said by check_public_file
    for code, params in said.items():
        findings.add(code, **params, file=name)
    missing = [identifier for identifier, position in truth.positions.items() if position not in seen]
    if missing:
        findings.add("test_ids_missing", file=name, count=len(missing), id=shown(min(missing)))
    return order
