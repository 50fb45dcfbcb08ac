"""What the checker takes for a leak and what for chance: no false alarms, for nobody can overrule it, and no misses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.metrics.checking import (
    FILES,
    ROWS,
    TEST,
    UNDIVIDED,
    checked,
    found,
    label_of,
    lines,
    with_file,
    x_of,
)


def test_rows_that_share_no_more_than_their_numbers_stand_in_nobodys_way(tmp_path: Path) -> None:
    """Training and test rows that are both numbered from 0, whose labels agree as often as chance has it."""
    other = lines("id,x,target", [f"t{row},0.1,{row % 2}" for row in range(ROWS)])
    result = checked(tmp_path, files=FILES | {"train.csv": other})
    assert result["findings"] == []
    (note,) = result["notes"]
    assert (note["code"], note["params"]["row"], note["params"]["count"]) == ("same_ids", 2, ROWS)


def test_labels_of_a_rare_class_are_no_leak_because_most_rows_are_alike(tmp_path: Path) -> None:
    solution = lines("id,target", [f"t{row},{int(row % 20 == 0)}" for row in range(200)])
    train = lines("id,target", [f"t{row},{int(row % 20 == 7)}" for row in range(200)])
    sample = lines("id,target", [f"t{row},0" for row in range(200)])
    files = {"train.csv": train, "sample_submission.csv": sample}
    result = checked(tmp_path, solution=solution, files=files, public_share=50)
    assert (result["findings"], [note["code"] for note in result["notes"]]) == ([], ["same_ids"])


def test_training_rows_among_which_are_test_rows_are_named(tmp_path: Path) -> None:
    """Half of them are the test rows with their labels, half are others of the same ids."""
    mixed = lines("id,x,target", [f"t{row},0.1,{label_of(row) ^ (row % 4 == 0)}" for row in range(ROWS)])
    (finding,) = checked(tmp_path, files=FILES | {"train.csv": mixed}, public_share=50)["findings"]
    assert (finding["code"], finding["params"]["row"], finding["params"]["count"]) == (
        "ids_in_solution",
        2,
        ROWS,
    )


@pytest.mark.parametrize("order", [1, -1])
def test_labels_in_other_words_are_recognised(tmp_path: Path, order: int) -> None:
    words = ("white", "red")
    test = lines("id,x,kind", [f"t{row},{x_of(row)},{words[label_of(row)]}" for row in range(ROWS)][::order])
    (finding,) = checked(tmp_path, files=FILES | {"test.csv": test})["findings"]
    assert (finding["code"], finding["params"]["file"], finding["params"]["column"]) == (
        "classes_in_column",
        "test.csv",
        "kind",
    )


def test_labels_in_other_words_are_recognised_by_place(tmp_path: Path) -> None:
    answers = "".join(f"{'yes' if label_of(row) else 'no'}\n" for row in range(ROWS))
    assert found(tmp_path, files=with_file("answers.txt", answers)) == [("answers.txt", "classes_in_column")]


def test_one_row_that_differs_hides_no_labels_in_the_sample(tmp_path: Path) -> None:
    sample = UNDIVIDED.replace("t7,0", "t7,1").replace("t8,1", "t8,0")
    assert sample != UNDIVIDED
    assert found(tmp_path, files=FILES | {"sample_submission.csv": sample}) == [
        ("sample_submission.csv", "sample_gives_away")
    ]


def test_a_sample_that_guesses_well_is_no_mistake(tmp_path: Path) -> None:
    guess = lines("id,target", [f"t{row},{label_of(row) ^ (row % 8 == 0)}" for row in range(ROWS)])
    assert found(tmp_path, files=FILES | {"sample_submission.csv": guess}) == []


def test_a_mistake_in_the_solution_hides_no_labels_in_a_public_file(tmp_path: Path) -> None:
    solution = UNDIVIDED.replace("t7,0", "t7,").replace("t20,0", "t20,")
    leak = TEST.replace("id,x", "ID,x,answer")
    for row in range(ROWS):
        leak = leak.replace(f"t{row},{x_of(row)}\n", f"t{row},{x_of(row)},{label_of(row)}\n")
    told = found(tmp_path, solution=solution, public_share=50, files=FILES | {"other.csv": leak})
    assert ("solution.csv", "blank_cell") in told
    assert ("other.csv", "solution_in_column") in told
