"""The first rows of a data file, whatever the file holds."""

from __future__ import annotations

import pytest

from contests import blobs, preview
from tests.builders import make_blob

pytestmark = pytest.mark.django_db


def test_the_first_rows_and_columns_are_shown() -> None:
    wide = (
        ",".join(f"c{i}" for i in range(12)) + "\n" + "\n".join(",".join("1" * 12) for _ in range(9)) + "\n"
    )
    found = preview.of(make_blob(wide.encode()))
    assert found is not None
    assert (len(found.header), len(found.rows), found.more_columns) == (8, 5, 4)


def test_a_row_cut_by_the_reading_limit_is_left_out() -> None:
    long_row = b"1," + b"x" * 70_000
    found = preview.of(make_blob(b"id,text\n0,short\n" + long_row))
    assert found is not None
    assert found.rows == [["0", "short"]]


@pytest.mark.parametrize("content", [b"", b"only,a,header\n", b"\x89PNG\r\n\x1a\n\x00", b"\xff\xfe\x00"])
def test_what_is_no_table_has_no_preview(content: bytes) -> None:
    assert preview.of(make_blob(content)) is None


def test_a_missing_blob_does_not_break_the_page() -> None:
    blob = make_blob(b"a,b\n1,2\n")
    blobs.path_of(blob.sha256).unlink()
    assert preview.of(blob) is None
