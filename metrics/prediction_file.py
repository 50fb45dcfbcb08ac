"""The one check of a prediction file, for uploads, the admin's checks and the command line.

Theory of operation. The file is read once, as a stream, and never kept: each row goes straight into number
arrays at the place its id has in the solution, so rows in any order give the same result and memory is
decided by the solution, not by the file. Mistakes are collected until the file ends or cannot be read on;
then at most twenty are listed. The columns may stand in any order too, but their names must be exact and
there must be no others. Ids are text: `001` is not `1`; where an id would match if it were mangled the usual
way, the complaint says so. Every id of the solution is asked for, whatever its `Usage`, and every cell is
held to the same rules, so no answer here depends on `Usage`.
"""

from __future__ import annotations

import array
import dataclasses
import heapq
import re
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from metrics.complaints import Complaints, Refused, shown
from metrics.csv_records import records
from metrics.scoring_spec import ROW_SLACK

EXAMPLES = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the file must hold. `positions`: each id's place in the result. `cell` reads a target cell."""

    id_column: str
    target_columns: tuple[str, ...]
    positions: Mapping[str, int]
    cell: Callable[[str], float]
    row_limit: int | None = None  # rows read at most; by default the expected number and a little slack
    some_positive: bool = False  # refuse a row whose targets are all 0


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """Columns as in `target_columns`, rows in the order of `positions`; only sound without complaints."""

    columns: list[array.array[float]]
    complaints: Complaints


def read_predictions(stream: BinaryIO, expected: Expected, complaints: Complaints | None = None) -> Reading:
    """Read and check a whole prediction file. What is wrong with it is in the complaints, never raised."""
    reader = _Reader(expected, complaints or Complaints())
    try:
        reader.read(stream)
    except Refused as refused:
        reader.complaints.stop(refused.code, **refused.params)
    return Reading(reader.columns, reader.complaints)


class _Reader:
    def __init__(self, expected: Expected, complaints: Complaints) -> None:
        self.expected = expected
        self.complaints = complaints
        count = len(expected.positions)
        self.columns = [array.array("d", bytes(8 * count)) for _ in expected.target_columns]
        self._row_of = array.array("q", bytes(8 * count))  # where each id was first seen; 0 is nowhere
        self._hints: dict[str, str] | None = None

    def read(self, stream: BinaryIO) -> None:
        expected = self.expected
        rows = records(stream)
        _, header = next(rows, (1, []))
        if not check_header(header, (expected.id_column, *expected.target_columns), self.complaints):
            self.complaints.stopped_early = True
            return
        id_at = header.index(expected.id_column)
        places = [header.index(column) for column in expected.target_columns]
        limit = expected.row_limit or len(expected.positions) + ROW_SLACK
        any_row = False
        for row, cells in rows:
            any_row = True
            if row > limit + 1:
                raise Refused("too_many_rows", row=row, expected=len(expected.positions))
            if len(cells) != len(header):
                code = "too_few_cells" if len(cells) < len(header) else "too_many_cells"
                self.complaints.add(code, row=row, found=len(cells), expected=len(header))
                self._saw(cells[id_at] if id_at < len(cells) else "", row)
                continue
            position = self._position(cells[id_at], row)
            self._take(cells, places, position, row)
        if not any_row:
            raise Refused("no_rows")
        self._ask_for_missing()

    def _take(self, cells: list[str], places: list[int], position: int | None, row: int) -> None:
        """Check the target cells and, where the id is known, keep them."""
        positive = False
        for column, place in enumerate(places):
            try:
                value = self.expected.cell(cells[place])
            except Refused as refused:
                name = self.expected.target_columns[column]
                self.complaints.add(refused.code, row=row, column=name, **refused.params)
                return
            positive = positive or value > 0
            if position is not None:
                self.columns[column][position] = value
        if self.expected.some_positive and not positive:
            self.complaints.add("zero_probabilities", row=row)

    def _saw(self, identifier: str, row: int) -> None:
        """A row with the wrong number of cells is not reported a second time as a missing id."""
        position = self.expected.positions.get(identifier)
        if position is not None and not self._row_of[position]:
            self._row_of[position] = row

    def _position(self, identifier: str, row: int) -> int | None:
        position = self.expected.positions.get(identifier)
        if position is None:
            self._complain_of_id(identifier, row)
            return None
        first_row = self._row_of[position]
        if first_row:
            self.complaints.add("duplicate_id", row=row, id=shown(identifier), first_row=first_row)
            return None
        self._row_of[position] = row
        return position

    def _complain_of_id(self, identifier: str, row: int) -> None:
        if not identifier.strip():
            self.complaints.add("blank_id", row=row)
            return
        if self._hints is None:
            self._hints = {_mangled(known): known for known in self.expected.positions}
        meant = self._hints.get(_mangled(identifier))
        if meant is None:
            code = "id_became_scientific" if _ROUNDED(identifier) else "unknown_id"
            self.complaints.add(code, row=row, id=shown(identifier))
            return
        code = _how_mangled(identifier, meant)
        self.complaints.add(code, row=row, id=shown(identifier), meant=shown(meant))
        position = self.expected.positions[meant]
        if not self._row_of[position]:  # the row is there, under a mangled id: it is not missing as well
            self._row_of[position] = row

    def _ask_for_missing(self) -> None:
        count = self._row_of.count(0)
        if count:
            missing = (
                identifier for identifier, at in self.expected.positions.items() if not self._row_of[at]
            )
            # Sorted by text, not in the solution's order, which may have a meaning.
            examples = ", ".join(
                f"“{shown(identifier)}”" for identifier in heapq.nsmallest(EXAMPLES, missing)
            )
            self.complaints.add("missing_ids", count=count, examples=examples)


_WHOLE = re.compile(r"([+-]?)([0-9]+)(?:\.0*)?", re.ASCII).fullmatch
_ROUNDED = re.compile(r"\s*[0-9](?:\.[0-9]+)?[eE]\+[0-9]{2,3}\s*", re.ASCII).fullmatch


def _mangled(identifier: str) -> str:
    """What is left of an id after a spreadsheet or a data frame took it for a number."""
    bare = identifier.strip()
    whole = _WHOLE(bare)
    return whole[1].replace("+", "") + (whole[2].lstrip("0") or "0") if whole else bare


def _how_mangled(identifier: str, meant: str) -> str:
    if identifier.strip() == meant.strip():
        return "id_has_spaces"
    return "id_became_decimal" if "." in identifier and "." not in meant else "id_lost_zeros"


def check_header(header: Sequence[str], wanted: Sequence[str], complaints: Complaints) -> bool:
    """Whether the header holds exactly the wanted columns, in any order; complains otherwise."""
    if sorted(header) == sorted(wanted):
        return True
    if header and header[0].startswith("sep="):
        complaints.add("separator_line", line=shown(",".join(header)))
        return False
    for separator, name in ((";", ";"), ("\t", "TAB"), ("|", "|")):
        if len(header) == 1 and sorted(header[0].split(separator)) == sorted(wanted):
            complaints.add("wrong_separator", separator=name)
            return False
    loose = {_loose(name) for name in wanted}
    if len(header) == len(wanted) and not any(_loose(cell) in loose for cell in header):
        complaints.add("no_header", expected=", ".join(f"“{name}”" for name in wanted))
        return False
    _compare_columns(header, wanted, complaints)
    return False


def _compare_columns(header: Sequence[str], wanted: Sequence[str], complaints: Complaints) -> None:
    """Name each difference. Looked up in sets and dicts: a header may hold half a million names."""
    asked_for, given, seen = set(wanted), set(header), set[str]()
    missing = dict.fromkeys(name for name in wanted if name not in given)
    by_loose_name: dict[str, list[str]] = {}
    for name in missing:
        by_loose_name.setdefault(_loose(name), []).append(name)
    for cell in header:
        if cell in seen:
            complaints.add("duplicate_column", column=shown(cell))
        elif cell not in asked_for:
            alike = by_loose_name.get(_loose(cell))
            meant = alike.pop(0) if alike else None
            if meant is not None:
                del missing[meant]
            _complain_of_column(cell, meant, complaints)
        seen.add(cell)
    for name in missing:
        complaints.add("missing_column", column=name)


def _complain_of_column(cell: str, meant: str | None, complaints: Complaints) -> None:
    if meant is not None:
        complaints.add("misspelled_column", column=shown(cell), meant=meant)
    elif not cell.strip() or cell.startswith("Unnamed:"):
        complaints.add("extra_index_column")
    else:
        complaints.add("extra_column", column=shown(cell))


def _loose(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()
