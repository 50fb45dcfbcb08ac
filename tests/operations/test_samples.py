"""The sample submissions do what the catalogue says. They run bare here; other tests judge them in sandboxes."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from operations import datasets
from operations.datasets import ContestFiles
from operations.samples.catalogue import NOTEBOOK, PREDICTIONS, SAMPLES, SCRIPT, Sample
from runners import environments
from runners.environments import PackagesUnreachableError
from runners.verdict import Verdict
from tests.stack import ENVIRONMENTS, missing_environments


@pytest.fixture(scope="module")
def contests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ContestFiles]:
    workdir = tmp_path_factory.mktemp("demo-data")
    try:
        return {
            "digits": datasets.digits(workdir),
            "diabetes": datasets.diabetes(workdir, Path(sys.prefix)),
            "breast-cancer": datasets.breast_cancer(workdir, Path(sys.prefix)),
        }
    except PackagesUnreachableError as error:
        pytest.skip(str(error))


def _public_score(contest: ContestFiles, submission: bytes) -> float:
    """Accuracy for the digits, RMSE for diabetes, log loss for breast cancer, written out once more."""
    target = contest.target_column
    with contest.solution.open(newline="") as file:
        truth = {row["id"]: row[target] for row in csv.DictReader(file) if row["Usage"] == "Public"}
    rows = list(csv.DictReader(submission.decode().splitlines()))
    assert list(rows[0]) == ["id", target]
    pairs = [(float(row[target]), float(truth[row["id"]])) for row in rows if row["id"] in truth]
    assert len(pairs) == len(truth)
    if contest.slug == "digits":
        return sum(a == b for a, b in pairs) / len(pairs)
    if contest.slug == "breast-cancer":
        return -sum(math.log(p if malignant else 1 - p) for p, malignant in pairs) / len(pairs)
    return float((sum((a - b) ** 2 for a, b in pairs) / len(pairs)) ** 0.5)


def _run(sample: Sample, contest: ContestFiles, output: Path) -> subprocess.CompletedProcess[str]:
    """The sample with /input and /output put elsewhere: outside a sandbox there are none."""
    text = _program(sample, contest)
    assert "/output/submission.csv" in text or sample.verdict is not Verdict.SCORED
    text = text.replace("/input/", f"{contest.solution.parent}/").replace("/output/", f"{output}/")
    program = output / "sample.py"
    program.write_text(text)
    command = [_python(sample), "-W", "ignore::DeprecationWarning", str(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def _program(sample: Sample, contest: ContestFiles) -> str:
    """What the sample computes: of a notebook its code cells, one after another."""
    text = sample.content(contest).decode()
    if sample.kind != NOTEBOOK:
        return text
    return "\n".join(
        "".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"
    )


def _python(sample: Sample) -> str:
    """Scripts run on the tests' own packages; a notebook draws, for which only its environment has what it needs."""
    if sample.kind != NOTEBOOK:
        return sys.executable
    if missing_environments(sample.environment):
        pytest.fail(f"build the environment {sample.environment} first: make test does")
    built = environments.find(ENVIRONMENTS, environments.definitions()[sample.environment].identifier)
    return str(environments.interpreter(built))


def _of(kind: str, environment: str) -> list[Sample]:
    return [sample for sample in SAMPLES if (sample.kind, sample.environment) == (kind, environment)]


@pytest.mark.parametrize(
    "sample", [*_of(SCRIPT, "python"), *_of(NOTEBOOK, "python")], ids=lambda sample: sample.file
)
def test_a_sample_program_gets_the_verdict_and_the_score_it_promises(
    sample: Sample, contests: dict[str, ContestFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    contest = contests[sample.contest]
    done = _run(sample, contest, tmp_path)
    if sample.expected_score is None:
        assert sample.verdict is Verdict.RUNTIME_ERROR
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == "KeyError: 'lable'"
        assert "columns: id, pixel0" in done.stdout  # says what there is before it asks for what there is not
        return
    assert done.returncode == 0, done.stderr
    score = _public_score(contest, (tmp_path / "submission.csv").read_bytes())
    assert score >= sample.expected_score if contest.slug == "digits" else score <= sample.expected_score


@pytest.mark.parametrize("sample", _of(PREDICTIONS, ""), ids=lambda sample: sample.file)
def test_a_sample_file_of_predictions_fits_the_contest(
    sample: Sample, contests: dict[str, ContestFiles]
) -> None:
    contest = contests[sample.contest]
    assert sample.expected_score is not None
    assert _public_score(contest, sample.content(contest)) <= sample.expected_score


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_a_sample_names_an_environment_that_exists_and_fits_the_intake(
    sample: Sample, contests: dict[str, ContestFiles]
) -> None:
    assert sample.environment in {*environments.definitions(), ""}
    assert (sample.environment == "") == (sample.kind == PREDICTIONS)
    content = sample.content(contests[sample.contest])
    assert 0 < len(content) < 64 * 1024
    if sample.kind == SCRIPT:
        compile(content, sample.file, "exec")


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.kind == NOTEBOOK], ids=lambda sample: sample.file)
def test_a_sample_notebook_opens_anywhere_and_brings_no_outputs(sample: Sample) -> None:
    assert sample.path is not None
    notebook = json.loads(sample.path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["name"]) == (4, "python3")
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert "<script" not in sample.path.read_text(encoding="utf-8")


def test_every_contest_has_starter_code_and_one_baseline() -> None:
    contests = ["breast-cancer", "diabetes", "digits"]
    assert sorted({sample.contest for sample in SAMPLES if sample.starter}) == contests
    assert sorted(sample.contest for sample in SAMPLES if sample.baseline) == contests
    assert all(sample.starter for sample in SAMPLES if sample.baseline)
    assert all(sample.verdict is Verdict.SCORED for sample in SAMPLES if sample.starter)
