"""A check of a task with hidden features looks at the files that programs will find when it counts."""

from __future__ import annotations

import json
from pathlib import Path

from metrics.checker import check_files
from tests.metrics.checking import FILES, SAMPLE, TEST, lines, write_task, x_of

# What everybody may see: the same columns, other rows.
PUBLIC = {
    "test.csv": lines("id,x", [f"s{row},{x_of(row)}" for row in range(5)]),
    "sample_submission.csv": lines("id,target", [f"s{row},0" for row in range(5)]),
}


def found(folder: Path, hidden: dict[str, str], **public: str) -> list[tuple[str, str]]:
    write_task(folder, files={**FILES, **PUBLIC, **public}, takes_predictions=False)
    (folder / "hidden").mkdir()
    for name, content in hidden.items():
        (folder / "hidden" / name).write_text(content)
    plan = json.loads((folder / "check.json").read_text()) | {"hidden": sorted(hidden)}
    (folder / "check.json").write_text(json.dumps(plan))
    findings = check_files(folder)["findings"]
    return [(item["params"].get("file", ""), item["code"]) for item in findings]


def test_hidden_test_rows_and_sample_count_in_place_of_the_public_ones(tmp_path: Path) -> None:
    assert found(tmp_path, {"test.csv": TEST, "sample_submission.csv": SAMPLE}) == []


def test_ids_that_are_missing_from_the_hidden_test_rows_are_found(tmp_path: Path) -> None:
    cut = "".join(TEST.splitlines(keepends=True)[:-1])
    assert found(tmp_path, {"test.csv": cut, "sample_submission.csv": SAMPLE}) == [
        ("hidden/test.csv", "test_ids_missing")
    ]


def test_labels_in_a_hidden_file_are_found_since_programs_would_read_them(tmp_path: Path) -> None:
    labelled = lines("id,x,target", [f"t{row},{x_of(row)},1" for row in range(40)])
    assert found(tmp_path, {"test.csv": labelled, "sample_submission.csv": SAMPLE}) == [
        ("hidden/test.csv", "target_in_test")
    ]


def test_a_public_file_is_looked_into_for_labels_as_ever(tmp_path: Path) -> None:
    given_away = lines("id,target", [f"t{row},{int(x_of(row) > 0.5)}" for row in range(40)])
    hidden = {"test.csv": TEST, "sample_submission.csv": SAMPLE}
    assert ("more.csv", "labels_public") in found(tmp_path, hidden, **{"more.csv": given_away})


def test_a_public_sample_submission_may_go_with_the_public_sample_or_with_the_hidden_rows(
    tmp_path: Path,
) -> None:
    for name, text in (("sample", PUBLIC["sample_submission.csv"]), ("rows", SAMPLE)):
        (folder := tmp_path / name).mkdir()
        assert found(folder, {"test.csv": TEST}, **{"sample_submission.csv": text}) == []


def test_such_a_sample_submission_is_still_looked_into(tmp_path: Path) -> None:
    labels = lines("id,target", [f"t{row},{int(x_of(row) > 0.5)}" for row in range(40)])
    columns = lines("id,label", [f"s{row},0" for row in range(5)])
    for name, text, code in (("labels", labels, "labels_public"), ("columns", columns, "missing_column")):
        (folder := tmp_path / name).mkdir()
        told = found(folder, {"test.csv": TEST}, **{"sample_submission.csv": text})
        assert ("sample_submission.csv", code) in told
