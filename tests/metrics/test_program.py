"""The scorer as a program: the bundle, its exit status, what it imports, how much it uses, what cannot disturb it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from metrics import bundle
from metrics.scorer import BAD_SETUP, FAULT, JUDGED
from metrics.scoring_spec import ScoringSpec
from runners.spec import RESULT_MAX_BYTES
from tests.metrics.judging import DIGITS, GOOD

MEGABYTE = 1 << 20
HOSTILE = "raise SystemExit('hostile code ran')\n"
NAMES = ["numpy.py", "sklearn.py", "metrics.py", "csv.py", "json.py", "sitecustomize.py", "usercustomize.py"]


class Scorer:
    """The built bundle with an input and an output folder."""

    def __init__(self, folder: Path) -> None:
        self.input, self.output = folder / "input", folder / "output"
        self.input.mkdir()
        self.output.mkdir()
        self.pyz = folder / "scorer.pyz"
        self.pyz.write_bytes(bundle.build_zipapp())
        self.write(metric="accuracy", solution=DIGITS, predictions=GOOD)

    def write(
        self,
        *,
        metric: str = "",
        solution: str = "",
        predictions: str = "",
        targets: tuple[str, ...] = ("target",),
    ) -> None:
        if metric:
            spec = ScoringSpec(metric=metric, id_column="id", target_columns=targets)
            (self.input / "scoring.json").write_text(json.dumps(spec.as_json()))
        for name, text in (("solution.csv", solution), ("predictions.csv", predictions)):
            if text:
                (self.input / name).write_text(text)

    def run(
        self, *options: str, env: dict[str, str] | None = None, memory: int = 0
    ) -> subprocess.CompletedProcess[str]:
        def limit() -> None:
            if memory:
                resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

        argv: list[str | Path] = [sys.executable, "-I", *options, self.pyz, self.input, self.output]
        return subprocess.run(
            argv,
            cwd=self.output,
            env=env,
            preexec_fn=limit,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def result(self) -> dict[str, object]:
        content: dict[str, object] = json.loads((self.output / "result.json").read_text())
        return content


@pytest.fixture
def scorer(tmp_path: Path) -> Scorer:
    return Scorer(tmp_path)


def test_the_bundle_has_the_same_bytes_whenever_and_wherever_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bundle.build_zipapp()
    copy = tmp_path / "metrics"
    copy.mkdir()
    for at, path in enumerate(sorted(bundle.SOURCE.glob("*.py"), reverse=True)):
        (copy / path.name).write_bytes(path.read_bytes())
        (copy / path.name).chmod(0o600)
        os.utime(copy / path.name, (at, at * 10**8))
    (copy / "notes.txt").write_text("not part of it")
    monkeypatch.setattr(bundle, "SOURCE", copy)
    assert bundle.build_zipapp() == first
    assert bundle.digest() == hashlib.sha256(first).hexdigest()
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
    (copy / "direct.py").write_text("changed = True\n")
    assert bundle.build_zipapp() != first


def test_the_bundle_judges(scorer: Scorer) -> None:
    done = scorer.run()
    assert (done.returncode, done.stdout, done.stderr) == (JUDGED, "", "")
    assert scorer.result()["public"] == 0.5


def test_the_largest_result_fits_the_protocol(scorer: Scorer) -> None:
    labels = [f"{at % 60:02d}" + "𝔸" * 900 for at in range(600)]
    scorer.write(
        solution="id,target,Usage\n" + "".join(f"{at},{label},Public\n" for at, label in enumerate(labels)),
        predictions="id,target\n" + "".join(f"{at},{label}\n" for at, label in enumerate(reversed(labels))),
    )
    assert scorer.run().returncode == JUDGED
    assert scorer.result()["ok"] is True
    assert (scorer.output / "result.json").stat().st_size < RESULT_MAX_BYTES


def test_a_refused_file_is_a_judgement_not_a_failure(scorer: Scorer) -> None:
    scorer.write(predictions="nonsense")
    assert scorer.run().returncode == JUDGED
    assert scorer.result()["ok"] is False


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scoring.json", "{}"),
        ("scoring.json", "not json"),
        ("scoring.json", "[1]"),
        ("scoring.json", '{"metric": "luck", "params": {}, "id_column": "id", "target_columns": ["target"]}'),
        (
            "scoring.json",
            '{"metric": "mae", "params": null, "id_column": "id", "target_columns": ["target"]}',
        ),
        ("solution.csv", "id,target,Usage\n1,2,Hidden\n"),
    ],
)
def test_an_organisers_mistake_fails_the_program_and_leaves_no_result(
    scorer: Scorer, name: str, content: str
) -> None:
    (scorer.input / name).write_text(content)
    done = scorer.run()
    assert done.returncode == BAD_SETUP
    assert "cannot be used" in done.stderr
    assert not list(scorer.output.iterdir())


def test_a_fault_of_the_scorer_prints_no_content_of_any_file(scorer: Scorer) -> None:
    (scorer.input / "predictions.csv").unlink()
    done = scorer.run()
    assert done.returncode == FAULT
    assert "FileNotFoundError" in done.stderr
    assert str(scorer.input) not in done.stderr  # the exception's message, which may quote what was read
    assert not list(scorer.output.iterdir())


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_files_planted_beside_it_have_no_effect(scorer: Scorer, metric: str) -> None:
    if metric == "roc_auc":
        solution = "id,target,Usage\na,1,Public\nb,0,Public\nc,1,Private\nd,0,Private\n"
        scorer.write(metric=metric, solution=solution, predictions="id,target\na,0.9\nb,0.1\nc,0.3\nd,0.2\n")
    for folder in (scorer.input, scorer.output, scorer.pyz.parent):
        for name in NAMES:
            (folder / name).write_text(HOSTILE)
        (folder / "hostile.pth").write_text("import sitecustomize\n")
    env = {
        "PYTHONPATH": str(scorer.output),
        "PYTHONSTARTUP": str(scorer.output / "numpy.py"),
        "HOME": str(scorer.output),
    }
    done = scorer.run(env=env)
    assert (done.returncode, done.stderr) == (JUDGED, "")
    assert scorer.result()["ok"] is True


@pytest.mark.parametrize("metric", ["accuracy", "rmse", "mae", "r2"])
def test_simple_metrics_run_without_numpy(scorer: Scorer, metric: str) -> None:
    scorer.write(metric=metric, solution=DIGITS.replace("004,7", "004,3").replace("005,1", "005,2"))
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from metrics.scorer import main\n"
        "assert main(sys.argv[2:]) == 0 and 'metrics.direct' in sys.modules\n"
        "assert not {'numpy', 'scipy', 'sklearn', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", program, scorer.pyz, scorer.input, scorer.output], check=True)
    assert scorer.result()["ok"] is True


def test_the_catalogue_and_what_the_site_imports_need_no_numpy() -> None:
    program = (
        "import sys, metrics.catalogue, metrics.scoring_spec, metrics.complaints, metrics.bundle\n"
        "assert not {'numpy', 'sklearn', 'django'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=bundle.SOURCE.parent, check=True)


def test_one_line_of_200_mb_is_refused_in_little_memory(scorer: Scorer) -> None:
    with (scorer.input / "predictions.csv").open("wb") as stream:
        stream.write(b"id,target\n001,")
        for _ in range(200):
            stream.write(b"7" * MEGABYTE)
    assert scorer.run(memory=100 * MEGABYTE).returncode == JUDGED
    assert scorer.result()["errors"][0]["code"] == "row_too_long"  # type: ignore[index]


def test_a_million_rows_are_judged_in_bounded_time_and_memory(scorer: Scorer) -> None:
    count = 1_000_000
    (scorer.input / "solution.csv").write_text(
        "id,target,Usage\n" + "".join(f"{at},{at % 10},Public\n" for at in range(count))
    )
    (scorer.input / "predictions.csv").write_text(
        "id,target\n" + "".join(f"{at},{at % 10}\n" for at in reversed(range(count)))
    )
    started = time.monotonic()
    assert scorer.run(memory=700 * MEGABYTE).returncode == JUDGED
    assert time.monotonic() - started < 60
    assert scorer.result()["public"] == 1.0


@pytest.mark.parametrize("metric", ["balanced_accuracy", "precision", "f1"])
def test_a_class_of_its_own_in_each_of_many_rows_costs_bounded_memory(scorer: Scorer, metric: str) -> None:
    """A table of all classes by all classes would have 9 * 10^10 cells."""
    count = 300_000
    rows = "".join(f"{at},{at % 10},{'Public' if at % 2 else 'Private'}\n" for at in range(count))
    predictions = "".join(f"{at},{at}\n" for at in range(count))
    scorer.write(metric=metric, solution=f"id,target,Usage\n{rows}", predictions=f"id,target\n{predictions}")
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each reserves address space
    done = scorer.run(memory=900 * MEGABYTE, env=threads)
    assert done.returncode == JUDGED, done.stderr
    assert scorer.result()["ok"] is True


def test_a_long_class_of_its_own_in_each_row_is_not_kept(scorer: Scorer) -> None:
    count = 100_000
    rows = "".join(f"{at},{'cat' if at % 2 else 'dog'},Public\n" for at in range(count))
    with (scorer.input / "predictions.csv").open("w") as stream:  # 97 MB, near the largest upload
        stream.write("id,target\n")
        stream.writelines(f"{at}, {at:0960d}𝔸\n" for at in range(count))  # four bytes a character in memory
    scorer.write(solution=f"id,target,Usage\n{rows}")
    assert scorer.run(memory=150 * MEGABYTE).returncode == JUDGED
    assert scorer.result()["public"] == 0.0


def test_a_header_of_a_megabyte_costs_no_endless_time(scorer: Scorer) -> None:
    targets = tuple(f"t{at}" for at in range(1_000))
    cells = ",".join("1" for _ in targets)
    scorer.write(
        metric="rmse",
        targets=targets,
        solution=f"id,{','.join(targets)},Usage\n1,{cells},Public\n",
        predictions=f"id,{','.join(f'{at:x}' for at in range(170_000))}\n1,{cells}\n",
    )
    started = time.monotonic()
    assert scorer.run().returncode == JUDGED
    assert time.monotonic() - started < 15
    assert scorer.result()["ok"] is False


def test_a_million_rows_too_many_cost_next_to_nothing(scorer: Scorer) -> None:
    (scorer.input / "predictions.csv").write_text(GOOD + "x,1\n" * 1_000_000)
    assert scorer.run(memory=100 * MEGABYTE).returncode == JUDGED
    assert scorer.result()["stopped_early"] is True


def test_an_id_of_endless_zeros_costs_no_endless_time(scorer: Scorer) -> None:
    scorer.write(predictions=GOOD.replace("002,", "0" * 100_000 + "x,"))
    started = time.monotonic()
    assert scorer.run().returncode == JUDGED
    assert time.monotonic() - started < 15
