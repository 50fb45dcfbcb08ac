"""Prediction files that are wrong: the scorer in its sandbox says how, the page says it in the reader's language.

All files are handed in at once, with a good one after every tenth; then each is looked at.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import pytest

from metrics.complaints import TEMPLATES
from tests.bad_input.site import GOOD, MIB, Reader, in_chinese, is_counted_once, is_judged_as_ever, reader_of
from tests.faults.leftovers import nothing_is_left
from tests.stack import Stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def with_cell(cell: str) -> bytes:
    return GOOD.replace("003,1.5", f"003,{cell}").encode()


def with_id(identifier: str) -> bytes:
    return GOOD.replace("003,", f"{identifier},").encode()


PLAIN = GOOD.encode()
ROWS = GOOD.partition("\n")[2]
# What is handed in, and the code of the first complaint.
WRONG: dict[str, tuple[bytes, str]] = {
    "another column": (GOOD.replace("target", "label").encode(), "extra_column"),
    "a column too few": (GOOD.replace(",", "", 1).replace("target", "").encode(), "missing_column"),
    "a column too many": (GOOD.replace("\n", ",0.9\n").replace("0.9", "sure", 1).encode(), "extra_column"),
    "the index of pandas": (
        GOOD.replace("\n", "\n0,").replace("id,", ",id,", 1).encode(),
        "extra_index_column",
    ),
    "capital letters": (GOOD.replace("id,target", "ID,Target").encode(), "misspelled_column"),
    "the same column twice": (GOOD.replace("target", "id", 1).encode(), "duplicate_column"),
    "no header": (ROWS.encode(), "no_header"),
    "only a header": (b"id,target\n", "no_rows"),
    "blank lines only": (b"\n\r\n\n", "empty_file"),
    "semicolons": (GOOD.replace(",", ";").encode(), "wrong_separator"),
    "tabs": (GOOD.replace(",", "\t").encode(), "wrong_separator"),
    "Excel's separator line": (b"sep=,\r\n" + PLAIN, "separator_line"),
    "a missing id": (GOOD.replace("003,1.5\n", "").encode(), "missing_ids"),
    "an extra id": (PLAIN + b"009,1\n", "unknown_id"),
    "an id twice": (PLAIN + b"003,1.5\n", "duplicate_id"),
    "ids as numbers": (GOOD.replace("\n00", "\n").encode(), "id_lost_zeros"),
    "ids as decimals": (
        GOOD.replace("\n00", "\n").replace(",", ".0,").replace(".0,", ",", 1).encode(),
        "id_became_decimal",
    ),
    "a signed id": (with_id("+3"), "id_lost_zeros"),
    "a scientific id": (with_id("3E+00"), "id_became_scientific"),
    "spaces around an id": (with_id(" 003 "), "id_has_spaces"),
    "an id in full width": (with_id("００３"), "unknown_id"),
    "an id with a zero-width space": (with_id("003\u200b"), "unknown_id"),
    "no id": (with_id(""), "blank_id"),
    "NaN": (with_cell("NaN"), "not_finite"),
    "infinity": (with_cell("-inf"), "not_finite"),
    "1e999": (with_cell("1e999"), "not_finite"),
    "beyond all sense": (with_cell("1e300"), "number_too_large"),
    "1_000": (with_cell("1_000"), "digit_separator"),
    "quoted thousands": (with_cell('"1,000,000"'), "digit_separator"),
    "thousands": (with_cell("1,000"), "too_many_cells"),
    "a decimal comma": (with_cell('"1,5"'), "decimal_comma"),
    "a decimal comma without quotes": (with_cell("1,5"), "too_many_cells"),
    "Arabic digits": (with_cell("١٫٥"), "foreign_digits"),
    "full-width digits": (with_cell("１.５"), "foreign_digits"),
    "a Chinese number": (with_cell("一"), "foreign_digits"),
    "text": (with_cell("about 1.5"), "not_a_number"),
    "percent": (with_cell("50%"), "not_a_number"),
    "a hexadecimal": (with_cell("0x1p3"), "not_a_number"),
    "a formula": (with_cell("=1+1"), "not_a_number"),
    "a true minus sign": (with_cell("\u22121.5"), "not_a_number"),
    "a list": (with_cell("[1.5]"), "not_a_number"),
    "markup": (with_cell("<script>alert(1)</script>"), "not_a_number"),
    "an empty cell": (with_cell(""), "blank_cell"),
    "a number of 500 digits": (with_cell("1" * 500), "cell_too_long"),
    "too few cells": (GOOD.replace("003,1.5", "003").encode(), "too_few_cells"),
    "trailing commas": (ROWS.replace("\n", ",\n").join(["id,target\n", ""]).encode(), "too_many_cells"),
    "a quote never closed": (GOOD.replace("003", '"003').encode(), "malformed_csv"),
    "text after a quote": (GOOD.replace("003", '"003"x').encode(), "malformed_csv"),
    "carriage returns alone": (GOOD.replace("\n", "\r").encode(), "malformed_csv"),
    "UTF-16": (GOOD.encode("utf-16"), "utf16"),
    "GBK": (GOOD.replace("003", "编号").encode("gbk"), "not_utf8"),
    "NUL": (GOOD.replace("003", "0\x003").encode(), "nul_byte"),
    "NUL at the end": (PLAIN + b"\x00" * 4096, "nul_byte"),
    "gzip": (gzip.compress(PLAIN, mtime=0), "not_csv"),
    "zip": (zipped("predictions.csv", PLAIN), "not_csv"),
    "Excel": (zipped("xl/workbook.xml", b"<workbook/>"), "not_csv"),
    "a script": (b"import numpy as np\nprint(np.pi)\n", "extra_column"),
    "JSON": (json.dumps([{"id": "001", "target": 1}]).encode(), "not_csv"),
    "a web page": (b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n", "not_csv"),
    "a million rows": (b"id,target\n" + b"001,1\n" * 1_000_000, "duplicate_id"),
    "a million columns": (b"id,target" + b",x" * 1_000_000 + b"\n", "row_too_long"),
    "a hundred thousand columns": (b"id,target" + b",x" * 100_000 + b"\n", "extra_column"),
    "a line of 50 MB": (b"id,target\n003," + b"1" * (50 * MIB), "row_too_long"),
    "a quoted cell of 10 MB": (b'id,target\n"' + b"a\n" * (5 * MIB), "cell_too_long"),
}
ACCEPTED: dict[str, bytes] = {
    "a mark": b"\xef\xbb\xbf" + PLAIN,
    "Windows line ends": GOOD.replace("\n", "\r\n").encode(),
    "mixed line ends": GOOD.replace("\n", "\r\n", 4).encode(),
    "quotes everywhere": GOOD.replace(",", '","').replace("\n", '"\n"').join(['"', ""])[:-1].encode(),
    "columns in another order": "".join(
        f"{target},{identifier}\n" for identifier, target in (line.split(",") for line in GOOD.splitlines())
    ).encode(),
    "blank lines": GOOD.replace("\n", "\n\n").encode(),
    "no last line end": PLAIN.rstrip(),
    "a trailing space": with_cell("1.5 "),
    "an exponent": with_cell("+.15e1"),
}
REFUSED_EVERY = 10


class Handed:
    """The identifiers of all files, and of the good ones between them."""

    def __init__(self, stack: Stack) -> None:
        self.wrong: dict[str, str] = {}
        self.between: list[str] = []
        for number, (name, (content, _code)) in enumerate(WRONG.items()):
            self.wrong[name] = stack.submit(content, contest="exact", filename="predictions.csv")
            if number % REFUSED_EVERY == REFUSED_EVERY - 1:
                self.between.append(stack.submit(PLAIN, contest="exact", filename="good.csv"))
        self.accepted = {
            name: stack.submit(content, contest="exact", filename="unusual.csv")
            for name, content in ACCEPTED.items()
        }


@pytest.fixture(scope="module")
def handed(site: Stack) -> Handed:
    return Handed(site)


def complaints(judged: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = judged["runs"][0]["errors"]
    return found


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_invalid_output_and_told_why(
    site: Stack, reader: Reader, handed: Handed, name: str
) -> None:
    identifier = handed.wrong[name]
    judged = site.wait_verdict(identifier, within_s=100)
    assert (judged["verdict"], judged["public_score"]) == ("INVALID_OUTPUT", None), judged
    first = complaints(judged)[0]
    assert first["code"] == WRONG[name][1], complaints(judged)
    page = reader.submission(identifier)
    assert " ".join(first["message"].split()) in page
    assert "Compare your file with sample_submission.csv: same columns, same ids." in page
    is_counted_once(site, identifier)


@pytest.mark.parametrize("code", sorted({code for _content, code in WRONG.values()}))
def test_each_explanation_is_there_in_chinese(site: Stack, handed: Handed, code: str) -> None:
    identifier = next(handed.wrong[name] for name in WRONG if WRONG[name][1] == code)
    params = complaints(site.wait_verdict(identifier, within_s=100))[0]["params"]
    said = " ".join(in_chinese(TEMPLATES[code], params).split())
    assert said in reader_of(site).submission(identifier, "zh-hans")


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_unusual_file_gets_its_score(site: Stack, handed: Handed, name: str) -> None:
    judged = site.wait_verdict(handed.accepted[name], within_s=100)
    assert (judged["verdict"], judged["public_score"]) == ("SCORED", 0.0), complaints(judged)


def test_the_good_files_between_them_are_judged_as_ever(site: Stack, handed: Handed) -> None:
    for identifier in handed.between:
        judged = site.wait_verdict(identifier, within_s=100)
        assert (judged["verdict"], judged["public_score"]) == ("SCORED", 0.0)
        is_counted_once(site, identifier)
    nothing_is_left(site)
    is_judged_as_ever(site)


def test_every_mistake_of_a_file_is_listed_at_once(site: Stack) -> None:
    content = b"id,target\n001,NaN\n2,1\n003,1\n003,1\nx,1\n004,1,2\n"
    judged = site.wait_verdict(site.submit(content, contest="exact", filename="all.csv"))
    found = {(error["code"], error["params"].get("row")) for error in complaints(judged)}
    assert found == {
        ("not_finite", 2),
        ("id_lost_zeros", 3),
        ("duplicate_id", 5),
        ("unknown_id", 6),
        ("too_many_cells", 7),
        ("missing_ids", None),
    }
