"""The beginnings of an organiser's files: the first rows of a CSV for the data page, the code of a starter."""

from __future__ import annotations

import codecs
import csv
import dataclasses
import io

from contests import blobs, notebooks
from contests.models import Blob

MAX_ROWS = 5
MAX_COLUMNS = 8
MAX_CELL = 24


@dataclasses.dataclass(frozen=True, slots=True)
class Preview:
    """`more_columns` counts the columns left out at the right."""

    header: list[str]
    rows: list[list[str]]
    more_columns: int


def of(blob: Blob) -> Preview | None:
    """None when the beginning of the file does not read as a CSV with a header and a row."""
    try:
        head = blobs.head(blob)
        # Incremental: a character cut in two by the end of the head is not a mistake of the file.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
        rows = list(csv.reader(io.StringIO(text)))[: MAX_ROWS + 2] if "\x00" not in text else []
    except (csv.Error, OSError, UnicodeDecodeError):
        return None
    # The last row read may have been cut in the middle.
    if blob.size > len(head):
        rows = rows[:-1]
    if len(rows) < 2 or not rows[0]:  # noqa: PLR2004 - a header and at least one row
        return None
    header, *body = rows
    return Preview(
        [_cut(cell) for cell in header[:MAX_COLUMNS]],
        [[_cut(cell) for cell in row[:MAX_COLUMNS]] for row in body[:MAX_ROWS]],
        max(0, len(header) - MAX_COLUMNS),
    )


def code(name: str, blob: Blob) -> str:
    """The beginning of a starter file; of a notebook, its code cells."""
    head = blobs.head(blob)
    cells = notebooks.code_cells(head) if name.lower().endswith(".ipynb") else None
    if cells is not None:
        return "\n\n".join(f"# %% [{number}]\n{source}" for number, source in enumerate(cells, start=1))
    return head.decode("utf-8", "replace")


def _cut(cell: str) -> str:
    return cell if len(cell) <= MAX_CELL else cell[: MAX_CELL - 1] + "…"
