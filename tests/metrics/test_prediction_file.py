"""Every way a prediction file can be wrong has its code, and what is merely unusual is accepted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from metrics.complaints import MAX_LISTED, MAX_PER_CODE, TEMPLATES
from metrics.csv_records import MAX_RECORD_BYTES
from tests.metrics.judging import DIGITS, GOOD, LENGTHS, codes, judged

NUMBERS = "id,target\na,1\nb,2\nc,3\nd,4\ne,5\n"


def test_a_good_file_gets_both_scores_from_its_own_rows(tmp_path: Path) -> None:
    result = judged(tmp_path, GOOD)
    assert (result["ok"], result["public"], result["private"]) == (True, 0.5, 1.0)
    assert result["rows"] == {"public": 2, "private": 2}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.rstrip("\n").encode(),
        GOOD.replace("002,", "\n\n002,").encode() + b"\n\n\n",
        GOOD.replace("001,7", '"001","7"').encode(),
        b"target,id\n7,001\n1,002\n0,003\n1,004\n1,005\n",
        b"id,target\n001,7.0\n002, 1\n003,0\n004,1.\n005,1.000000000000000000e+00\n",
        b"id,target\n005,1\n003,0\n004,1\n002,1\n001,7\n",
    ],
    ids=["bom", "crlf", "no-last-newline", "blank-lines", "quotes", "columns", "floats", "rows"],
)
def test_harmless_variants_get_the_same_score(tmp_path: Path, content: bytes) -> None:
    result = judged(tmp_path, content)
    assert (result["ok"], result["public"], result["private"]) == (True, 0.5, 1.0)


def test_rows_in_any_order_get_equal_scores(tmp_path: Path) -> None:
    draw = random.Random(3)
    rows = [f"r{at},{draw.gauss(0, 1)!r}\n" for at in range(500)]
    usage = [draw.choice(["Public", "Private"]) for _ in rows]
    truth = (f"r{at},{draw.gauss(0, 1)!r},{usage[at]}\n" for at in range(500))
    solution = "id,target,Usage\n" + "".join(truth)
    results = []
    for _ in range(5):
        draw.shuffle(rows)
        results.append(judged(tmp_path, "id,target\n" + "".join(rows), solution=solution, metric="rmse"))
    assert all(result == results[0] for result in results)


def test_a_quoted_label_may_hold_newlines_and_commas(tmp_path: Path) -> None:
    solution = 'id,target,Usage\n1,"a\nb",Public\n2,"c,d",Private\n'
    result = judged(tmp_path, 'id,target\n1,"a\nb"\n2,"c,d"\n', solution=solution)
    assert (result["public"], result["private"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"\n\n", "empty_file"),
        (b"id,target\n", "no_rows"),
        (GOOD.encode("utf-16"), "utf16"),
        (GOOD.encode("utf-16-le"), "utf16"),
        (GOOD.encode("utf-16-be"), "utf16"),
        (GOOD.replace("003", "0\x003").encode(), "nul_byte"),
        (GOOD.replace("003", "é").encode("latin-1"), "not_utf8"),
        (b"PK\x03\x04rest", "not_csv"),
        (b"\x80\x04\x95rest", "not_csv"),
        (b"\x93NUMPY\x01\x00", "not_csv"),
        (b"PAR1\x00", "not_csv"),
        (b"BZh91AY&SY", "not_csv"),
        (b"\xfd7zXZ\x00", "not_csv"),
        (b"\x28\xb5\x2f\xfd\x04", "not_csv"),
        (b"7z\xbc\xaf\x27\x1c", "not_csv"),
        (b'[{"id": "001", "target": 7}]', "not_csv"),
        (b"<!DOCTYPE html>\n<html>", "not_csv"),
        (b"sep=,\n" + GOOD.encode(), "separator_line"),
        (b"\xef\xbb\xbfsep=;\r\n" + GOOD.encode(), "separator_line"),
        (GOOD.replace("\n", "\r").encode(), "malformed_csv"),
        (GOOD.replace("001,7", '"001,7').encode(), "malformed_csv"),
        (GOOD.replace("001,7", '"001"x,7').encode(), "malformed_csv"),
        (GOOD.replace(",", ";").encode(), "wrong_separator"),
        (GOOD.replace(",", "\t").encode(), "wrong_separator"),
        (GOOD.split("\n", 1)[1].encode(), "no_header"),
        (GOOD.replace("target", "Target").encode(), "misspelled_column"),
        (GOOD.replace("id,", " id,").encode(), "misspelled_column"),
        (GOOD.replace("target", "label").encode(), "extra_column"),
        (GOOD.replace("target", "id").encode(), "duplicate_column"),
        (b",id,target\n0,001,7\n", "extra_index_column"),
        (b"Unnamed: 0,id,target\n0,001,7\n", "extra_index_column"),
        (b"id,target,confidence\n001,7,1\n", "extra_column"),
        (GOOD.replace("002,1", "002").encode(), "too_few_cells"),
        (GOOD.replace("002,1", "002,1,5").encode(), "too_many_cells"),
        (GOOD.replace("002,", ",").encode(), "blank_id"),
        (GOOD.replace("002,", "001,").encode(), "duplicate_id"),
        (GOOD.replace("002,", "002x,").encode(), "unknown_id"),
        (GOOD.replace("002,", "2,").encode(), "id_lost_zeros"),
        (GOOD.replace("002,", "2.0,").encode(), "id_became_decimal"),
        (GOOD.replace("002,", "1.23E+11,").encode(), "id_became_scientific"),
        (GOOD.replace("002,", " 002,").encode(), "id_has_spaces"),
        (GOOD.replace("002,1\n", "").encode(), "missing_ids"),
        (GOOD.replace("002,1", "002,").encode(), "blank_cell"),
        (GOOD.replace("002,1", "002,  ").encode(), "blank_cell"),
        (GOOD.replace("002,1", "002,1.5").encode(), "label_not_integer"),
        (GOOD.replace("002,1", "002,1e99").encode(), "label_not_integer"),
        (GOOD.replace("002,1", "002,seven").encode(), "not_a_number"),
        (GOOD.replace("002,1", "002," + "1" * 500).encode(), "cell_too_long"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_code(tmp_path: Path, content: bytes, code: str) -> None:
    result = judged(tmp_path, content)
    assert code in codes(result)
    assert all(error["message"] for error in result["errors"])


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("", "blank_cell"),
        ("nan", "not_finite"),
        ("NaN", "not_finite"),
        ("None", "not_finite"),
        ("inf", "not_finite"),
        ("-Infinity", "not_finite"),
        ("1e999", "not_finite"),
        ("-1e999", "not_finite"),
        ("1e101", "number_too_large"),
        ("1_000", "digit_separator"),
        ("1'000'000", "digit_separator"),
        ('"1,000,000"', "digit_separator"),
        ('"1,5"', "decimal_comma"),
        ("١٢", "foreign_digits"),
        ("１２", "foreign_digits"),
        ("½", "foreign_digits"),
        ("0x10", "not_a_number"),
        ("1e", "not_a_number"),
        (".", "not_a_number"),
        ("--1", "not_a_number"),
        ("1 2", "not_a_number"),
        ("\u00a01", "not_a_number"),
        ("cat", "not_a_number"),
        ("__import__('os')", "not_a_number"),
        ("9" * 100_000, "cell_too_long"),
        ("0." + "5" * 500, "cell_too_long"),
    ],
)
def test_a_cell_that_is_no_plain_number_is_refused(tmp_path: Path, cell: str, code: str) -> None:
    result = judged(tmp_path, NUMBERS.replace("b,2", f"b,{cell}"), solution=LENGTHS, metric="rmse")
    assert codes(result) == [code]
    assert result["errors"][0]["params"]["row"] == 3
    assert result["errors"][0]["params"].get("column", "target") == "target"


@pytest.mark.parametrize(
    "cell", ["1", "+1", "-1", "1.", ".5", "1e3", "1E-3", " 1 ", "007", "1e100", "0.1e-400"]
)
def test_numbers_as_programs_write_them_are_taken(tmp_path: Path, cell: str) -> None:
    assert judged(tmp_path, NUMBERS.replace("b,2", f"b,{cell}"), solution=LENGTHS, metric="rmse")["ok"]


@pytest.mark.parametrize("cell", ["1.0001", "-0.1", "2"])
def test_log_loss_takes_only_probabilities(tmp_path: Path, cell: str) -> None:
    solution = "id,target,Usage\na,1,Public\nb,0,Private\n"
    assert codes(judged(tmp_path, f"id,target\na,{cell}\nb,0\n", solution=solution, metric="log_loss")) == [
        "not_a_probability"
    ]


def test_a_row_of_zero_probabilities_is_refused(tmp_path: Path) -> None:
    solution = "id,x,y,Usage\na,1,0,Public\nb,0,1,Private\n"
    result = judged(
        tmp_path, "id,x,y\na,0,0\nb,0,1\n", solution=solution, metric="log_loss", targets=("x", "y")
    )
    assert codes(result) == ["zero_probabilities"]


def test_the_contract_example_of_a_duplicate_id(tmp_path: Path) -> None:
    result = judged(tmp_path, GOOD + "001,7\n")
    assert result["errors"] == [
        {
            "code": "duplicate_id",
            "params": {"row": 7, "id": "001", "first_row": 2},
            "message": "Row 7 repeats the id “001” of row 2.",
        }
    ]
    assert (result["error_count"], result["stopped_early"]) == (1, False)


def test_one_and_zero_zero_one_are_different_ids(tmp_path: Path) -> None:
    solution = "id,target,Usage\n1,7,Public\n001,1,Public\n"
    assert judged(tmp_path, "id,target\n001,1\n1,7\n", solution=solution)["public"] == 1.0
    assert codes(judged(tmp_path, "id,target\n1,1\n1,7\n", solution=solution)) == [
        "duplicate_id",
        "missing_ids",
    ]


def test_a_mangled_id_names_the_id_that_was_meant_and_is_not_missing_too(tmp_path: Path) -> None:
    result = judged(tmp_path, GOOD.replace("002,", "2,"))
    assert codes(result) == ["id_lost_zeros"]
    assert result["errors"][0]["params"] == {"row": 3, "id": "2", "meant": "002"}


def test_missing_ids_are_named_in_alphabetical_order_not_in_the_solutions(tmp_path: Path) -> None:
    solution = "id,target,Usage\nz,1,Public\nb,1,Private\na,1,Private\nc,1,Public\n"
    result = judged(tmp_path, "id,target\nz,1\n", solution=solution)
    assert result["errors"][0]["params"] == {"count": 3, "examples": "“a”, “b”, “c”"}


def test_many_mistakes_are_counted_but_few_are_listed(tmp_path: Path) -> None:
    rows = "".join(f"x{at},1\n" for at in range(300)) + "001,1.5\n" + "002\n" * 50
    result = judged(tmp_path, "id,target\n" + rows)
    listed = codes(result)
    assert listed.count("unknown_id") == MAX_PER_CODE
    assert {"label_not_integer", "too_few_cells"} <= set(listed)
    assert len(listed) <= MAX_LISTED
    assert result["error_count"] == 300 + 1 + 50 + 1


def test_mistakes_of_many_kinds_are_listed_up_to_a_limit(tmp_path: Path) -> None:
    cells = ["", "nan", "1_000", "½", "cat", "1.5", '"1,5"']
    solution = "id,target,Usage\n" + "".join(f"{at},1,Public\n" for at in range(70))
    predictions = "id,target\n" + "".join(f"{at},{cells[at % 7]}\n" for at in range(70))
    result = judged(tmp_path, predictions, solution=solution)
    assert len(codes(result)) == MAX_LISTED
    assert result["error_count"] == 70


def test_a_file_with_far_too_many_rows_is_not_read_to_its_end(tmp_path: Path) -> None:
    result = judged(tmp_path, GOOD + "x,1\n" * 5_000)
    assert codes(result)[-1] == "too_many_rows"
    assert result["stopped_early"] is True
    assert result["error_count"] < 1_100


def test_a_row_limit_ends_the_reading_sooner(tmp_path: Path) -> None:
    assert codes(judged(tmp_path, GOOD + "x,1\n", row_limit=5)) == ["too_many_rows"]
    assert judged(tmp_path, GOOD, row_limit=5)["ok"]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_row_may_not_be_endless_nor_a_quoted_cell_nor_a_row_of_quoted_cells(
    tmp_path: Path, quote: bytes
) -> None:
    endless = b"id,target\n" + quote + b"a" * (MAX_RECORD_BYTES + 10)
    assert codes(judged(tmp_path, endless)) in (["row_too_long"], ["cell_too_long"])
    many_cells = b'id,target\n"' + b'\n","' * (MAX_RECORD_BYTES // 4 + 10)
    assert codes(judged(tmp_path, many_cells)) == ["row_too_long"]


def test_messages_quote_cells_cut_and_printable(tmp_path: Path) -> None:
    evil = "\u202e<b>\x1b[31m" + "y" * 200
    result = judged(tmp_path, NUMBERS.replace("b,2", f"b,{evil}"), solution=LENGTHS, metric="rmse")
    value = result["errors"][0]["params"]["value"]
    assert len(value) == 40
    assert value.isprintable()


@pytest.mark.parametrize("usage", ["Public", "Private", "Ignored"])
@pytest.mark.parametrize("cell", ["", "nan", "1e150", "zebra", "0.5", "12"])
def test_an_answer_does_not_depend_on_the_usage_or_the_label_of_the_row(
    tmp_path: Path, usage: str, cell: str
) -> None:
    def answer(usage: str, label: int) -> object:
        solution = f"id,target,Usage\na,3,Public\nb,{label},{usage}\nc,5,Private\nd,12,Private\n"
        result = judged(tmp_path, f"id,target\na,3\nb,{cell}\nc,5\nd,12\n", solution=solution)
        return result if not result["ok"] else True

    assert answer(usage, 8) == answer("Public", 3)


def test_a_class_the_solution_lacks_is_wrong_not_refused(tmp_path: Path) -> None:
    assert judged(tmp_path, GOOD.replace("001,7", "001,99"))["public"] == 0.0


def test_the_label_of_an_ignored_row_does_not_decide_what_the_classes_are(tmp_path: Path) -> None:
    solution = DIGITS.replace("003,4", "003,zebra")
    assert judged(tmp_path, GOOD.replace("001,7", "001,7.0"), solution=solution)["public"] == 0.5


def test_a_text_class_may_not_be_endless(tmp_path: Path) -> None:
    solution = "id,target,Usage\n1,cat,Public\n"
    assert codes(judged(tmp_path, "id,target\n1," + "c" * 1_001, solution=solution)) == ["cell_too_long"]


def test_text_classes_are_compared_exactly(tmp_path: Path) -> None:
    solution = "id,target,Usage\n1,cat,Public\n2,Cat,Public\n3,007,Public\n4,dog,Public\n"
    assert judged(tmp_path, "id,target\n1, cat \n2,cat\n3,7\n4,dog\n", solution=solution)["public"] == 0.5


def test_every_complaint_about_a_contestants_file_is_tested_or_the_organisers() -> None:
    tests = ("test_prediction_file.py", "test_solution.py", "test_split.py")
    text = "".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in tests)
    assert not [code for code in TEMPLATES if f'"{code}"' not in text]


def test_the_digits_solution_is_what_the_cases_assume() -> None:
    assert DIGITS.count("Public") == DIGITS.count("Private") == 2
