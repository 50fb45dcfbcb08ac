"""What can be wrong with a file, as data: a code, its parameters and an English sentence.

The site translates a complaint by `gettext(TEMPLATES[code]) % params`; `makemessages` finds the sentences
because each is wrapped in `gettext_noop` below. A complaint about a contestant's file quotes the contestant's
own cells and the ids of the test set, never a value of the solution, and says nothing that depends on a row's
label or `Usage`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

MAX_LISTED = 20  # complaints in one answer
MAX_PER_CODE = 5  # so that one mistake made on every row does not hide the others
SHOWN_CHARACTERS = 40


def gettext_noop(message: str) -> str:
    """Mark a sentence for translation without translating it: this package knows no framework."""
    return message


TEMPLATES: dict[str, str] = {
    # The file as a whole
    "empty_file": gettext_noop("The file is empty."),
    "not_csv": gettext_noop("The file is not a CSV; its format seems to be %(kind)s. Save it as CSV text."),
    "utf16": gettext_noop(
        "The file is encoded as UTF-16. Save it as UTF-8 (in Excel: “CSV UTF-8”; in pandas: to_csv without "
        "encoding)."
    ),
    "not_utf8": gettext_noop("Row %(row)d is not valid UTF-8 text. Save the file as UTF-8."),
    "nul_byte": gettext_noop(
        "Row %(row)d contains a NUL byte. A CSV is plain text; the file may be binary or damaged."
    ),
    "row_too_long": gettext_noop(
        "Row %(row)d is longer than %(limit)d bytes; reading stopped there. Write one line for each id."
    ),
    "malformed_csv": gettext_noop(
        "Row %(row)d is not valid CSV: a quote that is never closed, text after a closing quote, or a stray "
        "carriage return. Reading stopped there."
    ),
    "no_rows": gettext_noop("The file has a header but no rows. Write one row for each id of the test set."),
    "too_many_rows": gettext_noop(
        "The file has more rows than the %(expected)d that are asked for; reading stopped at row %(row)d."
    ),
    # The header
    "missing_column": gettext_noop("The header lacks the column “%(column)s”."),
    "misspelled_column": gettext_noop(
        "The header has “%(column)s” where “%(meant)s” is expected. Capitals and spaces count."
    ),
    "extra_column": gettext_noop("The header has a column “%(column)s” that is not asked for. Remove it."),
    "extra_index_column": gettext_noop(
        "The header has a nameless extra column. pandas writes it for its index: use to_csv(..., "
        "index=False)."
    ),
    "duplicate_column": gettext_noop("The header names the column “%(column)s” twice."),
    "no_header": gettext_noop(
        "The first row must be a header with the column names %(expected)s; it seems to be data already."
    ),
    "separator_line": gettext_noop(
        "The first row is “%(line)s”, which only Excel understands. Remove it: the header comes first."
    ),
    "wrong_separator": gettext_noop("The columns are separated by “%(separator)s”; use a comma."),
    # Rows and ids
    "too_few_cells": gettext_noop("Row %(row)d: expected cells %(expected)d, found %(found)d."),
    "too_many_cells": gettext_noop(
        "Row %(row)d: expected cells %(expected)d, found %(found)d. Write decimals with a point, and put text that "
        "contains a comma in quotes."
    ),
    "blank_id": gettext_noop("Row %(row)d has no id."),
    "duplicate_id": gettext_noop("Row %(row)d repeats the id “%(id)s” of row %(first_row)d."),
    "unknown_id": gettext_noop("Row %(row)d has the id “%(id)s”, which is not asked for."),
    "id_lost_zeros": gettext_noop(
        "Row %(row)d has the id “%(id)s” where “%(meant)s” is expected: ids are text and leading zeros "
        "count. "
        "In pandas read the ids with dtype=str."
    ),
    "id_became_decimal": gettext_noop(
        "Row %(row)d has the id “%(id)s” where “%(meant)s” is expected: the ids were turned into decimal "
        "numbers. "
        "In pandas read the ids with dtype=str."
    ),
    "id_became_scientific": gettext_noop(
        "Row %(row)d has the id “%(id)s”, which is not asked for: a spreadsheet or data frame has rounded a long id. "
        "In pandas read the ids with dtype=str; in Excel format the column as text."
    ),
    "id_has_spaces": gettext_noop(
        "Row %(row)d has the id “%(id)s” with spaces around it; “%(meant)s” is expected."
    ),
    "missing_ids": gettext_noop("Ids without a row: %(count)d, for example %(examples)s."),
    # Cells
    "blank_cell": gettext_noop("Row %(row)d, column “%(column)s”: the cell is empty."),
    "cell_too_long": gettext_noop("Row %(row)d: a cell is longer than the %(limit)d characters allowed."),
    "not_finite": gettext_noop(
        "Row %(row)d, column “%(column)s”: “%(value)s” is not a finite number. Replace NaN and infinity."
    ),
    "number_too_large": gettext_noop(
        "Row %(row)d, column “%(column)s”: “%(value)s” is beyond the largest number accepted, 1e100."
    ),
    "digit_separator": gettext_noop(
        "Row %(row)d, column “%(column)s”: “%(value)s” has separators between digits. Write 1000, not "
        "1_000 or 1,000."
    ),
    "decimal_comma": gettext_noop(
        "Row %(row)d, column “%(column)s”: “%(value)s” has a decimal comma. Write a point: 0.5."
    ),
    "foreign_digits": gettext_noop(
        "Row %(row)d, column “%(column)s”: “%(value)s” is not written in the digits 0 to 9 of plain ASCII "
        "text."
    ),
    "not_a_number": gettext_noop("Row %(row)d, column “%(column)s”: “%(value)s” is not a number."),
    "not_a_probability": gettext_noop(
        "Row %(row)d, column “%(column)s”: “%(value)s” is not a probability. It must lie between 0 and 1."
    ),
    "zero_probabilities": gettext_noop("Row %(row)d: all probabilities are 0. At least one must be larger."),
    "label_not_integer": gettext_noop(
        "Row %(row)d, column “%(column)s”: “%(value)s” is not a class. The classes of this task are whole "
        "numbers."
    ),
    # The result
    "score_not_finite": gettext_noop(
        "These predictions give no finite score. Check them for extreme values."
    ),
    # The organiser's files: these never reach a contestant
    "bad_usage": gettext_noop("Row %(row)d: Usage must be Public, Private or Ignored."),
    "solution_not_binary": gettext_noop(
        "Row %(row)d, column “%(column)s”: the solution must be 0 or 1 here."
    ),
    "solution_not_one_hot": gettext_noop(
        "Row %(row)d: exactly one of the class columns must be 1, the others 0."
    ),
    "no_public_rows": gettext_noop("The solution has no row with Usage Public."),
    "split_empty": gettext_noop(
        "A public share of %(share)d %% leaves no %(usage)s row. Choose another share, or 100 for no private rows."
    ),
    "one_class_only": gettext_noop(
        "All %(usage)s rows of the solution have the same class in column “%(column)s”; this metric needs "
        "both."
    ),
    "no_variance": gettext_noop(
        "All %(usage)s rows of the solution have the same value in column “%(column)s”; this metric needs "
        "two values."
    ),
    "positive_class_absent": gettext_noop("No %(usage)s row of the solution has the positive class."),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Complaint:
    """One mistake. `params` holds plain strings and integers; rows count the header as row 1."""

    code: str
    params: dict[str, str | int]

    @property
    def message(self) -> str:
        return TEMPLATES[self.code] % self.params

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "params": self.params, "message": self.message}


class Complaints:
    """Collects mistakes: counts all, keeps the first `per_code` of each code, at most `most` in all."""

    def __init__(self, *, per_code: int = MAX_PER_CODE, most: int = MAX_LISTED) -> None:
        self._per_code, self._most = per_code, most
        self.listed: list[Complaint] = []
        self.stopped_early = False  # the rest of the file was not read, so there may be more
        self._counts: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return self._counts.total()

    def add(self, code: str, **params: str | int) -> None:
        self._counts[code] += 1
        if self._counts[code] <= self._per_code and len(self.listed) < self._most:
            self.listed.append(Complaint(code, params))

    def stop(self, code: str, **params: str | int) -> None:
        """Add the complaint that ended the reading; it is listed even when the list is full."""
        self.stopped_early = True
        del self.listed[self._most - 1 :]
        self._counts[code] += 1
        self.listed.append(Complaint(code, params))

    def as_json(self) -> dict[str, Any]:
        return {
            "errors": [complaint.as_json() for complaint in self.listed],
            "error_count": self.count,
            "stopped_early": self.stopped_early,
        }


class Refused(Exception):
    """A cell or a file that cannot be taken: becomes a Complaint where its row and column are known."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class BadSetup(Exception):
    """The organiser's solution or settings cannot be used: never the contestant's fault, never a result."""

    def __init__(self, complaints: list[Complaint] | None = None, text: str = "") -> None:
        self.complaints = complaints or []
        super().__init__(text or "\n".join(complaint.message for complaint in self.complaints))


def shown(text: str) -> str:
    """A contestant's cell, cut and without unprintable characters, fit for a message."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return "".join(char if char.isprintable() else "�" for char in cut)
