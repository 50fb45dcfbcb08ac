"""The check of a task lists every mistake at once, with file, row and column, and is quiet about a good task."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from metrics import bundle
from metrics.check_findings import MAX_FINDINGS, Findings
from metrics.check_public import MAX_PAIRS
from runners.spec import RESULT_MAX_BYTES
from tests.metrics.checking import (
    FILES,
    ROWS,
    SAMPLE,
    SOLUTION,
    TEST,
    TRAIN,
    UNDIVIDED,
    checked,
    found,
    label_of,
    lines,
    with_file,
    write_task,
    x_of,
)

NUMBERS = lines(
    "id,target,Usage", [f"t{row},{x_of(row) * 3},{'Public' if row % 2 else 'Private'}" for row in range(ROWS)]
)


def test_a_good_task_has_no_findings_and_its_rows_are_counted(tmp_path: Path) -> None:
    result = checked(tmp_path)
    assert result == {"findings": [], "notes": [], "rows": {"public": 20, "private": 20, "ignored": 0}}


def test_all_mistakes_of_all_files_are_listed_at_once(tmp_path: Path) -> None:
    broken = SOLUTION.replace("t3,", "t2,", 1).replace("t5,1", "t5,").replace("Public", "public", 1)
    sample = SAMPLE.replace("t7,0", "t7,nan").replace("t9,0\n", "") + "stranger,1\n"
    train = TRAIN + f"t7,0.5,{label_of(7)}\n"
    result = found(
        tmp_path,
        solution=broken,
        files=FILES | {"sample_submission.csv": sample, "train.csv": train},
        metric="mae",
    )
    assert result == [
        ("solution.csv", "bad_usage"),
        ("solution.csv", "duplicate_id"),
        ("solution.csv", "blank_cell"),
        ("sample_submission.csv", "unknown_id"),  # t3, which the solution has lost
        ("sample_submission.csv", "not_finite"),
        ("sample_submission.csv", "unknown_id"),
        ("sample_submission.csv", "missing_ids"),
        ("test.csv", "test_ids_unknown"),
        ("train.csv", "labels_public"),
    ]


def test_a_finding_names_file_row_and_column(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, solution=SOLUTION.replace("t5,", "t5,x", 1), metric="mae")["findings"]
    assert finding["message"].startswith("solution.csv: Row 7, column “target”:")
    assert finding["params"] == {"row": 7, "column": "target", "value": "…", "file": "solution.csv"}


@pytest.mark.parametrize(
    ("solution", "codes"),
    [
        (b"", {"empty_file"}),
        (SOLUTION.encode("utf-16"), {"utf16"}),
        (b"id,target,Usage\nt0,\x00,Public\n", {"nul_byte"}),
        (b"id,target,Usage\n" + b"x" * (3 << 20), {"row_too_long"}),
        (b"PK\x03\x04", {"not_csv"}),
        (b"nr,label\n1,2\n", {"missing_column"}),
    ],
)
def test_a_solution_of_hostile_bytes_is_a_finding_and_no_crash(
    tmp_path: Path, solution: bytes, codes: set[str]
) -> None:
    assert {code for file, code in found(tmp_path, solution=solution) if file == "solution.csv"} == codes


def test_all_missing_columns_of_a_solution_are_named_and_its_ids_still_compared(tmp_path: Path) -> None:
    assert found(tmp_path, solution=SOLUTION.replace("target,Usage", "label,usage")) == [
        ("solution.csv", "missing_column"),
        ("solution.csv", "missing_column"),
    ]


def test_a_row_that_was_complained_of_makes_no_other_file_look_wrong(tmp_path: Path) -> None:
    assert (
        found(tmp_path, solution=SOLUTION.replace(",Public", ",Pubic", 3))
        == [("solution.csv", "bad_usage")] * 3
    )


def usages(public: int) -> str:
    return lines(
        "id,target,Usage",
        [f"t{row},{label_of(row)},{'Public' if row < public else 'Private'}" for row in range(ROWS)],
    )


def test_a_public_set_that_is_too_small_is_a_mistake(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, solution=usages(4))["findings"]
    assert (finding["code"], finding["params"]["count"], finding["params"]["least"]) == (
        "few_public_rows",
        4,
        5,
    )


def test_a_public_set_that_is_too_small_is_told_beside_other_mistakes(tmp_path: Path) -> None:
    solution = usages(4) + "t0,1,Public\nt99,,Private\n"
    assert {code for _file, code in found(tmp_path, solution=solution)} >= {"duplicate_id", "few_public_rows"}


def test_rows_that_may_be_public_are_given_the_benefit_of_the_doubt(tmp_path: Path) -> None:
    solution = usages(4).replace(",Private", ",Pirvate", 1)
    assert {code for _file, code in found(tmp_path, solution=solution)} == {"bad_usage"}


def test_fifty_mistakes_of_a_kind_are_listed_each_with_its_row(tmp_path: Path) -> None:
    rows = [f"t{row},{label_of(row)},Pubic" for row in range(ROWS)]
    findings = checked(tmp_path, solution=lines("id,target,Usage", rows))["findings"]
    told = [finding["params"]["row"] for finding in findings if finding["code"] == "bad_usage"]
    assert told == list(range(2, min(ROWS, 50) + 2))


@pytest.mark.parametrize(
    ("metric", "code"), [("accuracy", "one_class_in_split"), ("roc_auc", "one_class_only")]
)
def test_a_split_of_one_class_is_a_mistake(tmp_path: Path, metric: str, code: str) -> None:
    ordered = sorted(range(ROWS), key=label_of)
    rows = [f"t{row},{label_of(row)},{'Public' if at < 10 else 'Private'}" for at, row in enumerate(ordered)]
    assert found(tmp_path, solution=lines("id,target,Usage", rows), metric=metric) == [("solution.csv", code)]


def test_an_absent_positive_class_is_a_mistake(tmp_path: Path) -> None:
    params = {"average": "binary", "pos_label": "7"}
    assert found(tmp_path, metric="f1", params=params) == [("solution.csv", "positive_class_absent")] * 2


def test_no_private_rows_and_classes_without_a_public_row_are_only_noted(tmp_path: Path) -> None:
    result = checked(tmp_path, solution=SOLUTION.replace("Private", "Public"))
    assert (result["findings"], [note["code"] for note in result["notes"]]) == ([], ["no_private_rows"])


def test_a_class_that_only_private_rows_have_is_noted(tmp_path: Path) -> None:
    result = checked(tmp_path, solution=SOLUTION.replace("t0,0,Private", "t0,2,Private"))
    assert result["findings"] == []
    assert [(note["code"], note["params"]["label"]) for note in result["notes"]] == [
        ("class_not_public", "2")
    ]


@pytest.mark.parametrize(
    "scoring",
    [{"metric": "luck"}, {"params": {"average": "macro"}}, {"target_columns": ["id"]}, {"public_share": 101}],
)
def test_settings_that_cannot_work_are_a_finding(tmp_path: Path, scoring: dict[str, Any]) -> None:
    assert found(tmp_path, **scoring) == [("", "bad_settings")]


def without(name: str) -> dict[str, str | bytes]:
    return {other: content for other, content in FILES.items() if other != name}


def test_a_task_for_predictions_needs_a_sample_and_one_for_scripts_does_not(tmp_path: Path) -> None:
    assert found(tmp_path, files=without("sample_submission.csv")) == [("", "no_sample")]
    (tmp_path / "scripts").mkdir()
    assert found(tmp_path / "scripts", files=without("sample_submission.csv"), takes_predictions=False) == []


def test_a_sample_that_is_the_solution_gives_it_away(tmp_path: Path) -> None:
    assert found(tmp_path, files=FILES | {"sample_submission.csv": UNDIVIDED}) == [
        ("sample_submission.csv", "sample_gives_away")
    ]


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        (SAMPLE.replace("target", "label"), "missing_column"),
        (SAMPLE.replace("t3,0\n", "t3,0\nt3,0\n"), "duplicate_id"),
        (SAMPLE.encode("utf-16"), "utf16"),
        (b"", "empty_file"),
    ],
)
def test_a_sample_is_held_to_the_rules_of_a_prediction_file(
    tmp_path: Path, sample: str | bytes, code: str
) -> None:
    assert ("sample_submission.csv", code) in found(tmp_path, files=FILES | {"sample_submission.csv": sample})


def test_a_sample_without_a_finite_score_is_a_mistake(tmp_path: Path) -> None:
    solution = lines("id,target,Usage", [f"t{row},{row}e-150,Public" for row in range(ROWS)])
    sample = SAMPLE.replace("t1,0", "t1,1e100")
    assert found(
        tmp_path, solution=solution, metric="r2", files=FILES | {"sample_submission.csv": sample}
    ) == [("sample_submission.csv", "score_not_finite")]


def test_test_rows_that_do_not_match_the_solution_are_named(tmp_path: Path) -> None:
    test = TEST.replace("t4,", "u4,").replace("t6,", "t5,")
    result = checked(tmp_path, files=FILES | {"test.csv": test})["findings"]
    assert [(item["code"], item["params"].get("row"), item["params"]["count"]) for item in result] == [
        ("test_ids_unknown", 6, 1),
        ("test_ids_repeated", 8, 1),
        ("test_ids_missing", None, 2),
    ]


LABELS = [str(label_of(row)) for row in range(ROWS)]
BY_ID = lines("id,anything", [f"t{row},{label_of(row)}" for row in reversed(range(ROWS))])
GIVEN_AWAY = {
    "the solution itself": ("answers.csv", SOLUTION, "is_solution"),
    "the solution with other line ends": ("answers.csv", SOLUTION.replace("\n", "\r\n"), "labels_public"),
    "labels by id in the target column": ("extra.csv", UNDIVIDED, "labels_public"),
    "labels by id, separated by semicolons": ("extra.csv", UNDIVIDED.replace(",", ";"), "labels_public"),
    "labels by id under another name": ("extra.csv", BY_ID, "solution_in_column"),
    "labels in the order of the solution": ("order.csv", lines("y", LABELS), "solution_in_column"),
    "labels without a header": ("labels.txt", "\n".join(LABELS) + "\n", "solution_in_column"),
    "labels written as decimals": (
        "order.csv",
        lines("y", [f"{label}.0" for label in LABELS]),
        "solution_in_column",
    ),
    "the split": ("split.csv", lines("row,Usage", ["1,Public", "2,Private"]), "usage_column"),
}


@pytest.mark.parametrize(("name", "content", "code"), GIVEN_AWAY.values(), ids=GIVEN_AWAY.keys())
def test_labels_in_a_public_file_are_found(tmp_path: Path, name: str, content: str, code: str) -> None:
    assert (name, code) in found(tmp_path, files=with_file(name, content))


def test_labels_in_the_order_of_the_test_file_are_found(tmp_path: Path) -> None:
    order = random.Random(3).sample(range(ROWS), ROWS)
    test = lines("id,x", [f"t{row},{x_of(row)}" for row in order])
    labels = lines("y", [LABELS[row] for row in order])
    assert found(tmp_path, files=FILES | {"test.csv": test, "z.csv": labels}) == [
        ("z.csv", "solution_in_column")
    ]


def test_labels_among_the_test_features_are_found(tmp_path: Path) -> None:
    test = lines("id,target,y", [f"t{row},,{label_of(row)}" for row in range(ROWS)])
    assert found(tmp_path, files=FILES | {"test.csv": test}) == [
        ("test.csv", "target_in_test"),
        ("test.csv", "solution_in_column"),
    ]


def test_numbers_in_another_spelling_are_recognised(tmp_path: Path) -> None:
    leak = lines("id,y", [f"t{row},{x_of(row) * 3:.17e}" for row in range(ROWS)])
    assert found(tmp_path, solution=NUMBERS, metric="rmse", files=with_file("leak.csv", leak)) == [
        ("leak.csv", "solution_in_column")
    ]


def test_a_constant_column_is_no_leak(tmp_path: Path) -> None:
    mostly = lines(
        "id,target,Usage", [f"t{row},0,{'Public' if row % 2 else 'Ignored'}" for row in range(ROWS)]
    )
    zeros = lines("id,flag", [f"t{row},0" for row in range(ROWS)])
    codes = found(tmp_path, solution=mostly, files=with_file("zeros.csv", zeros))
    assert "solution_in_column" not in [code for _file, code in codes]


@pytest.mark.parametrize(
    ("name", "content", "codes", "notes"),
    [
        ("images.zip", b"PK\x03\x04rest", [], ["not_looked_into"]),
        ("picture.png", b"\x89PNG\r\n\x1a\n\x00\x00", [], []),
        ("notes.md", b'# He said "hi" and left.\n', [], []),
        ("more.csv", b"PAR1\x00", ["not_csv"], []),
        ("european.csv", b"nr;x;y\n1;0,5;2,5\n2;7;3,5\n", [], []),
        ("more.csv", b"a,b\n1,2\n1\n1,2,3\n", ["too_few_cells", "too_many_cells"], []),
        ("more.csv", "a\nß\n".encode("latin-1"), ["not_utf8"], []),
        ("more.csv", b"a" * (2 << 20), ["row_too_long"], []),
    ],
)
def test_other_files_are_read_where_their_name_says_csv(
    tmp_path: Path, name: str, content: bytes, codes: list[str], notes: list[str]
) -> None:
    result = checked(tmp_path, files=with_file(name, content))
    assert [item["code"] for item in result["findings"]] == codes
    assert [item["code"] for item in result["notes"]] == notes


def test_what_is_beyond_the_list_is_counted(tmp_path: Path) -> None:
    files = {f"file{number:03d}.csv": b"a,b\n" + b"1\n" * 40 for number in range(40)}
    findings = checked(tmp_path, files={**FILES, **files})["findings"]
    assert len(findings) == MAX_FINDINGS + 1
    assert findings[-1]["code"] == "more"
    assert findings[-1]["params"]["count"] > 1000


def test_a_list_of_long_words_stays_below_what_a_result_may_hold() -> None:
    findings = Findings()
    for row in range(MAX_FINDINGS):
        findings.add("ids_in_solution", row=row, id="编" * 40, column="标" * 40, count=1, file="f.csv")
    result = findings.as_json()
    assert len(json.dumps(result)) < RESULT_MAX_BYTES
    assert 0 < result["findings"][-1]["params"]["count"] == MAX_FINDINGS - len(result["findings"]) + 1


def test_a_header_of_very_many_columns_costs_bounded_time(tmp_path: Path) -> None:
    wide = ",".join(f"c{number}" for number in range(5 * MAX_PAIRS)) + "\n"
    began = time.monotonic()
    assert found(tmp_path, files=with_file("wide.csv", wide)) == []
    assert time.monotonic() - began < 20


def test_the_program_checks_a_task_of_100_000_rows_quickly(tmp_path: Path) -> None:
    rows = 100_000
    chance = random.Random(1)
    labels = [chance.randrange(10) for _ in range(rows)]
    write_task(
        tmp_path,
        solution=lines(
            "id,target,Usage",
            [f"{at},{label},{'Public' if at % 2 else 'Private'}" for at, label in enumerate(labels)],
        ),
        files={
            "sample_submission.csv": lines("id,target", [f"{at},0" for at in range(rows)]),
            "test.csv": lines("id,x,y", [f"{at},{chance.random()},0" for at in range(rows)]),
            "train.csv": lines(
                "id,x,target", [f"{rows + at},0.5,{label}" for at, label in enumerate(labels)]
            ),
        },
    )
    program = tmp_path / "checker.pyz"
    program.write_bytes(bundle.build_zipapp("checker"))
    (tmp_path / "out").mkdir()
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", program, tmp_path, tmp_path / "out"], check=False, capture_output=True
    )
    took = time.monotonic() - began
    assert (done.returncode, done.stderr) == (0, b"")
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["findings"] == []
    assert result["rows"] == {"public": 50_000, "private": 50_000, "ignored": 0}
    assert took < 30  # about a second, on a machine that does nothing else


def test_the_scorer_does_not_change_with_the_checker() -> None:
    assert b"metrics/checker.py" not in bundle.build_zipapp("scorer")
    assert b"metrics/checker.py" in bundle.build_zipapp("checker")
