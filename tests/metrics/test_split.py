"""The drawn split: the same whatever the order of rows, stratified to within a row, and as large as was asked."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from metrics.complaints import BadSetup
from metrics.scorer import judge_files
from metrics.scoring_spec import ScoringSpec
from metrics.solution import Solution, read_solution
from metrics.split import BINS, draw
from tests.metrics.checking import ROWS, SAMPLE, SOLUTION, UNDIVIDED, checked, lines

SEEDS = range(20)


def spec(share: int, seed: int = 0, metric: str = "accuracy") -> ScoringSpec:
    return ScoringSpec(
        metric=metric, id_column="id", target_columns=("target",), public_share=share, split_seed=seed
    )


def read(folder: Path, text: str, wanted: ScoringSpec) -> Solution:
    path = folder / "solution.csv"
    path.write_text(text, encoding="utf-8")
    return read_solution(path, wanted)


def public_ids(solution: Solution) -> set[str]:
    return {name for name, position in solution.positions.items() if solution.usage[position] == "Public"}


def shuffled(text: str, seed: int) -> str:
    header, *rows = text.splitlines()
    random.Random(seed).shuffle(rows)
    return lines(header, rows)


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "rmse"])
@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_does_not_matter(tmp_path: Path, metric: str, seed: int) -> None:
    wanted = spec(30, seed, metric)
    drawn = public_ids(read(tmp_path, UNDIVIDED, wanted))
    assert len(drawn) == 12
    for order in range(5):
        assert public_ids(read(tmp_path, shuffled(UNDIVIDED, order), wanted)) == drawn


def test_the_seed_decides(tmp_path: Path) -> None:
    draws = {frozenset(public_ids(read(tmp_path, UNDIVIDED, spec(30, seed)))) for seed in SEEDS}
    assert len(draws) == len(SEEDS)


def test_this_very_draw_stays_what_it_is() -> None:
    ids = [f"r{row}" for row in range(10)]
    public = draw(ids, [[float(row % 2) for row in range(10)]], numbers=False, share=40, seed=7)
    assert [name for name, chosen in zip(ids, public, strict=True) if chosen] == PINNED


PINNED = ["r0", "r1", "r5", "r8"]


@pytest.mark.parametrize("seed", SEEDS)
def test_each_class_has_its_share_to_within_a_row_and_all_together_exactly(seed: int) -> None:
    chance = random.Random(seed)
    rows, share = chance.randrange(1, 400), chance.randrange(1, 101)
    classes = [float(chance.choice([0, 0, 0, 0, 1, 1, 2])) for _ in range(rows)]
    public = draw([str(row) for row in range(rows)], [classes], numbers=False, share=share, seed=seed)
    assert abs(sum(public) - rows * share / 100) <= 0.5
    sizes = Counter(classes)
    chosen = Counter(value for value, is_public in zip(classes, public, strict=True) if is_public)
    assert all(abs(chosen[value] - size * share / 100) < 1 for value, size in sizes.items())


@pytest.mark.parametrize("seed", SEEDS)
def test_each_tenth_of_the_numbers_has_its_share_to_within_a_row(seed: int) -> None:
    chance = random.Random(seed)
    rows, share = chance.randrange(200, 400), chance.randrange(1, 101)
    numbers = [chance.gauss(0, 10) for _ in range(rows)]
    public = draw([str(row) for row in range(rows)], [numbers], numbers=True, share=share, seed=seed)
    ordered = sorted(range(rows), key=numbers.__getitem__)
    for at in range(BINS):
        tenth = ordered[at * rows // BINS : (at + 1) * rows // BINS]
        assert abs(sum(public[row] for row in tenth) - len(tenth) * share / 100) < 1


def test_one_hot_columns_are_stratified_by_class() -> None:
    columns = [[1.0] * 50 + [0.0] * 50, [0.0] * 50 + [1.0] * 50]
    public = draw([str(row) for row in range(100)], columns, numbers=False, share=30, seed=1)
    assert (sum(public[:50]), sum(public[50:])) == (15, 15)


def test_a_share_of_100_leaves_no_private_row_and_the_final_score_is_the_public_one(tmp_path: Path) -> None:
    solution = read(tmp_path, UNDIVIDED, spec(100))
    assert (solution.rows("Public"), solution.rows("Private")) == (ROWS, 0)


def test_a_drawn_solution_is_scored(tmp_path: Path) -> None:
    (tmp_path / "scoring.json").write_text(json.dumps(spec(25).as_json()))
    (tmp_path / "solution.csv").write_text(UNDIVIDED)
    (tmp_path / "predictions.csv").write_text(UNDIVIDED)
    result = judge_files(tmp_path)
    assert (result["public"], result["private"], result["rows"]) == (1.0, 1.0, {"public": 10, "private": 30})


def test_a_share_that_leaves_no_public_row_is_the_organisers_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="leaves no Public row"):
        read(tmp_path, "id,target\n1,0\n2,1\n", spec(1))


def test_the_check_says_when_a_share_leaves_no_private_row(tmp_path: Path) -> None:
    few = lines("id,target", [f"t{row},{row % 2}" for row in range(10)])
    sample = lines("id,target", [f"t{row},0" for row in range(10)])
    result = checked(tmp_path, solution=few, files={"sample_submission.csv": sample}, public_share=96)
    assert [(item["code"], item["params"]["usage"]) for item in result["findings"]] == [
        ("split_empty", "Private")
    ]


def test_a_usage_column_that_is_not_used_is_noted(tmp_path: Path) -> None:
    result = checked(tmp_path, solution=SOLUTION, files={"sample_submission.csv": SAMPLE}, public_share=25)
    assert (result["findings"], [note["code"] for note in result["notes"]]) == ([], ["usage_unused"])
    assert result["rows"] == {"public": 10, "private": 30, "ignored": 0}


def test_the_spec_travels_as_json() -> None:
    assert ScoringSpec.from_json(spec(30, 5).as_json()) == spec(30, 5)
