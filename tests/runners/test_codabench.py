"""Codabench programs, unmodified, in real sandboxes: ingestion beside the submission, scoring beside the labels."""

from __future__ import annotations

import pytest

from judge import codabench
from judge.codabench import BadScores, Program
from runners.verdict import Verdict
from tests.runners.codabench_stage import (
    COMMAND,
    DATA,
    INGESTION,
    LABELS,
    MODEL,
    SCORE_COMMAND,
    SCORING,
    CodabenchStage,
)
from tests.runners.sandbox_stage import Result, SandboxStage

pytestmark = pytest.mark.sandbox


@pytest.fixture(name="bench")
def _bench(sandbox: SandboxStage) -> CodabenchStage:
    return CodabenchStage(sandbox)


def ingest(
    bench: CodabenchStage,
    submission: dict[str, str],
    *,
    files: dict[str, str] | None = None,
    command: str = "",
) -> Result:
    """Run a submission beside the ingestion program."""
    program = bench.program(files or {"ingestion.py": INGESTION}, command or COMMAND)
    handed_in = bench.program(submission)
    data = bench.archive(DATA)
    return bench.run(codabench.ingest(bench.ticket(), submission=handed_in, ingestion=program, data=data))


def score(bench: CodabenchStage, results: codabench.Archive, program: Program | None = None) -> Result:
    scoring = program or bench.program({"scoring.py": SCORING}, SCORE_COMMAND)
    reference = bench.archive({"labels.txt": LABELS})
    spec = codabench.score(bench.ticket(), scoring=scoring, results=results, reference=reference, data=None)
    return bench.run(spec)


def scored(
    bench: CodabenchStage, results: codabench.Archive, program: Program | None = None
) -> dict[str, float]:
    result = score(bench, results, program)
    assert result.facts.exit_code == 0, result.log
    return codabench.read_scores(bench.left(result))


def test_ingestion_runs_the_submission_and_scoring_reads_what_it_left(bench: CodabenchStage) -> None:
    ingested = ingest(bench, {"model.py": MODEL})
    assert ingested.verdict is None, ingested.log
    assert ingested.log == b"ingested 20 rows\n"
    result = score(bench, bench.results(ingested))
    assert result.verdict is None, result.log
    left = bench.left(result)
    assert codabench.read_scores(left) == {"accuracy": 1.0, "rows": 20.0}
    assert left["detailed_results.html"] == b"<h1>details</h1>"


def test_programs_of_older_bundles_find_their_places_by_words(bench: CodabenchStage) -> None:
    words = (
        "python $ingestion_program/ingestion.py $input $output $submission_program $hidden $shared $tmpdir"
    )
    ingested = ingest(bench, {"model.py": MODEL}, command=words)
    assert ingested.verdict is None, ingested.log
    lines = SCORING.replace("scores.json", "scores.txt").replace(
        'json.dump({"accuracy": score, "rows": len(truth)}, file)', 'file.write(f"accuracy: {score}\\n")'
    )
    program = bench.program({"scoring.py": lines}, "python $program/scoring.py $input $output")
    assert scored(bench, bench.results(ingested), program) == {"accuracy": 1.0}


def test_a_submission_with_a_command_of_its_own_runs_without_ingestion(bench: CodabenchStage) -> None:
    main = INGESTION.replace("sys.path.insert(0, submission)\n", "")
    words = "python3 main.py /app/input_data /app/output unused"
    submission = bench.program({"main.py": main, "model.py": MODEL}, words)
    assert not codabench.is_results(submission.metadata, ingestion=False)
    data = bench.archive(DATA)
    spec = codabench.ingest(bench.ticket(), submission=submission, ingestion=None, data=data)
    assert scored(bench, bench.results(bench.run(spec)))["accuracy"] == 1.0


def test_a_submission_of_results_is_scored_as_it_is(bench: CodabenchStage) -> None:
    submission = bench.program({"predictions/y.txt": LABELS.replace("1", "0")})
    assert codabench.is_results(submission.metadata, ingestion=False)
    assert scored(bench, submission.archive)["accuracy"] == 0.5


LOOKS = """
import os

found = []
for top, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(top, name) not in ("/proc", "/sys", "/usr")]
    found += [os.path.join(top, name) for name in names if name == "labels.txt"]
found += [place for place in ("/app/input", "/app/input/ref", "/app/data") if os.path.lexists(place)]
print("FOUND", found, sorted(os.listdir("/app")))
"""


def test_a_submission_that_looks_for_reference_data_finds_none(bench: CodabenchStage) -> None:
    ingested = ingest(bench, {"model.py": LOOKS + MODEL})
    assert ingested.verdict is None, ingested.log
    assert b"FOUND [] ['ingested_program', 'input_data', 'output', 'program', 'shared']" in ingested.log


def test_nothing_of_a_submission_can_change_a_program_or_the_data(bench: CodabenchStage) -> None:
    attack = """
import os
written = []
for folder in ("/app", "/app/program", "/app/input_data", "/app/ingested_program"):
    for name in ("ingestion.py", "train.csv", "model.py", "new"):
        try:
            open(os.path.join(folder, name), "a").close()
            written.append(folder)
        except OSError:
            pass
open("/app/shared/mine", "w").close()
print("WRITTEN", written)
"""
    ingested = ingest(bench, {"model.py": attack + MODEL})
    assert b"WRITTEN []" in ingested.log


@pytest.mark.parametrize(
    "planted",
    ["os.symlink('/etc/passwd', '/app/output/y')", "os.mkfifo('/app/output/y')"],
    ids=["link", "FIFO"],
)
def test_what_is_no_plain_file_among_the_results_reaches_no_scorer(
    bench: CodabenchStage, planted: str
) -> None:
    ingested = ingest(bench, {"model.py": f"import os\n{planted}\n{MODEL}"})
    assert ingested.verdict is Verdict.INVALID_OUTPUT
    assert codabench.ARCHIVE not in ingested.names


def test_modules_among_the_results_are_not_the_scorers(bench: CodabenchStage) -> None:
    evil = 'open("/app/output/scores.json", "w").write(\'{"accuracy": 99}\')\nraise SystemExit'
    planting = f"""
for name in ("sitecustomize", "json", "os", "csv", "encodings", "scoring"):
    open(f"/app/output/{{name}}.py", "w").write({evil!r})
"""
    ingested = ingest(bench, {"model.py": planting + MODEL.replace("self.odd[value % 2]", "7")})
    results = bench.results(ingested)
    assert scored(bench, results)["accuracy"] == 0.0


@pytest.mark.parametrize(
    "number", ["float('nan')", "float('inf')", "10 ** 400", "'good'", "True", "None", "[1]"]
)
def test_a_score_that_is_no_finite_number_is_refused(bench: CodabenchStage, number: str) -> None:
    program = bench.program(
        {
            "scoring.py": f"import json\njson.dump({{'accuracy': {number}}}, open('/app/output/scores.json', 'w'))"
        },
        SCORE_COMMAND,
    )
    result = score(bench, bench.archive({"y": ""}), program)
    assert result.verdict is None, result.log
    with pytest.raises(BadScores, match="“accuracy” is no finite number"):
        codabench.read_scores(bench.left(result))


def test_a_script_of_the_program_may_start_it(bench: CodabenchStage) -> None:
    script = 'cd "$(dirname "$0")" && exec python3 scoring.py "$@"\n'
    files = {"run.sh": script, "scoring.py": SCORING}
    program = bench.program(files, "bash /app/program/run.sh /app/input /app/output")
    assert scored(bench, bench.archive({"predictions/y.txt": LABELS}), program)["accuracy"] == 1.0
