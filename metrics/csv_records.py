"""CSV records from bytes nobody vouches for, in bounded memory.

Theory of operation. A line is read with a cap (`readline(n)`), so a file that is one 2 GB line costs one cap.
The cap is an allowance per *record*, refilled when the csv module hands a record over: a quoted cell may span
lines, and a record of endlessly many such cells would otherwise grow without end. Text is decoded line by
line, so a bad byte is reported with its row. `csv` runs in strict mode: a quote that is never closed is an
error, not a silent cell that swallows the rest of the file. Rows are numbered as an editor or spreadsheet
does: the header is row 1, blank lines count though they are skipped.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from metrics.complaints import Refused

MAX_RECORD_BYTES = 1 << 20
CSV_CELL_LIMIT = 131_072  # the csv module's own default, which nobody changes

UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
KNOWN_KINDS = (
    (b"PK\x03\x04", "ZIP or Excel"),
    (b"\xd0\xcf\x11\xe0", "Excel 97"),
    (b"PAR1", "Parquet"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh9", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"\x80\x02", "pickle"),
    (b"\x80\x03", "pickle"),
    (b"\x80\x04", "pickle"),
    (b"\x80\x05", "pickle"),
    (b"\x93NUMPY", "NumPy"),
    (b"\x89HDF", "HDF5"),
    (b"%PDF", "PDF"),
)
TEXT_KINDS = (
    (b"[{", "JSON"),
    (b'{"', "JSON"),
    (b"<!DOCTYPE", "HTML"),
    (b"<!doctype", "HTML"),
    (b"<html", "HTML"),
)


def records(stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells) of every record that is not blank.

    Raises Refused (`empty_file`, `not_csv`, `utf16`, `not_utf8`, `nul_byte`, `row_too_long`, `cell_too_long`,
    `malformed_csv`) where reading cannot go on.
    """
    lines = _Lines(stream)
    row = 0
    blank = True
    try:
        for row, cells in enumerate(csv.reader(lines, strict=True), 1):
            lines.record_done(row)
            if cells:
                blank = False
                yield row, cells
    except UnicodeDecodeError:
        raise Refused("not_utf8", row=row + 1) from None
    except csv.Error as error:
        if "field limit" in str(error):
            raise Refused("cell_too_long", row=row + 1, limit=CSV_CELL_LIMIT) from None
        raise Refused("malformed_csv", row=row + 1) from None
    if blank:
        raise Refused("empty_file")


class _Lines:
    """Decoded lines of a stream, at most `MAX_RECORD_BYTES` between two calls of `record_done`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._spent = 0
        self._row = 1
        self._first = True

    def __iter__(self) -> Iterator[str]:
        return self

    def record_done(self, row: int) -> None:
        self._row = row + 1
        self._spent = 0

    def __next__(self) -> str:
        line = self._stream.readline(MAX_RECORD_BYTES - self._spent + 1)
        if not line:
            raise StopIteration
        if self._first:
            line = _without_bom(line)
            self._first = False
        self._spent += len(line)
        if self._spent > MAX_RECORD_BYTES:
            raise Refused("row_too_long", row=self._row, limit=MAX_RECORD_BYTES)
        if b"\0" in line:
            raise Refused("nul_byte", row=self._row)
        return line.decode()


def _without_bom(start: bytes) -> bytes:
    """The first line without a UTF-8 mark. Raises Refused for what is recognisably not CSV text."""
    for magic, kind in KNOWN_KINDS + TEXT_KINDS:
        if start.startswith(magic):
            raise Refused("not_csv", kind=kind)
    if start.startswith(UTF16_BOMS) or b"\0" in start[:2]:
        raise Refused("utf16")
    return start.removeprefix(UTF8_BOM)
