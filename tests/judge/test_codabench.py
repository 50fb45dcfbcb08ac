"""A Codabench program's metadata and scores: what is understood is exact, all else is refused with a sentence."""

from __future__ import annotations

import dataclasses
import json

import pytest

from judge import codabench
from judge.codabench import Archive, BadScores, NotUnderstood, Program, Ticket
from runners.spec import JobKind, JobSpec, Limits

TICKET = Ticket(job_id="j", attempt=2, token="t", environment="python@1", limits=Limits(), image="i@sha256:0")
COMMAND = {"command": "python3 /app/program/x.py"}
SUBMISSION, INGESTION, DATA, REFERENCE, RESULTS = (Archive(f"{n}" * 64, n) for n in range(1, 6))


def places(spec: JobSpec) -> dict[str, str]:
    assert all(item.unpack for item in spec.inputs)
    return {item.path: item.sha256[0] for item in spec.inputs}


def test_an_ingestion_has_its_program_the_submission_and_public_data() -> None:
    program, submission = Program(INGESTION, COMMAND), Program(SUBMISSION, {})
    spec = codabench.ingest(TICKET, submission=submission, ingestion=program, data=DATA)
    assert places(spec) == {"/app/program": "2", "/app/ingested_program": "1", "/app/input_data": "3"}
    assert (spec.kind, spec.tree, spec.required_output) == (JobKind.INGEST, "/output", "output.zip")
    assert (spec.cwd, spec.argv) == ("/app/program", ("{python}", "/app/program/x.py"))
    assert dict(spec.links) == {"/app/output": "/output", "/app/shared": "/tmp"}
    assert (spec.job_id, spec.attempt, spec.token, spec.image) == ("j", 2, "t", "i@sha256:0")
    assert not spec.withheld


def test_reference_data_is_in_no_job_but_the_scoring() -> None:
    program = Program(INGESTION, COMMAND)
    submission = Program(SUBMISSION, COMMAND)
    with_it = codabench.score(TICKET, scoring=program, results=RESULTS, reference=REFERENCE, data=None)
    assert places(with_it) == {"/app/program": "2", "/app/input/ref": "4", "/app/input/res": "5"}
    assert (with_it.kind, with_it.tree, with_it.required_output) == (JobKind.SCORE, "", "scores.json")
    assert with_it.kept == ("scores.txt", "detailed_results.html")
    for ingestion in (program, None):
        without = codabench.ingest(TICKET, submission=submission, ingestion=ingestion, data=DATA)
        assert not [place for place in places(without) if place.startswith("/app/input/")]


def test_a_specification_survives_the_wire() -> None:
    spec = codabench.ingest(
        TICKET, submission=Program(SUBMISSION, COMMAND), ingestion=None, data=None, withheld=True
    )
    assert JobSpec.from_json(json.loads(json.dumps(spec.as_json()))) == spec
    assert dataclasses.replace(spec, withheld=False) != spec


PLACES = "/app/ingested_program /app/shared /tmp"


@pytest.mark.parametrize(
    ("given", "kind", "understood"),
    [
        ("python3 scoring.py", JobKind.SCORE, "{python} scoring.py"),
        ("python $program/s.py $output", JobKind.SCORE, "{python} /app/program/s.py /app/output"),
        ("python s.py $input", JobKind.SCORE, "{python} s.py /app/input"),
        ("python2.7 s.py $predictions", JobKind.SCORE, "{python} s.py /app/input/res"),
        ("/usr/bin/python3.9 -u s.py ${hidden}", JobKind.SCORE, "{python} -u s.py /app/input/ref"),
        (
            "python $ingestion_program/i.py $input",
            JobKind.INGEST,
            "{python} /app/program/i.py /app/input_data",
        ),
        ("python i.py $submission_program $shared $tmpdir", JobKind.INGEST, f"{{python}} i.py {PLACES}"),
        ("bash run.sh 'two words'", JobKind.INGEST, "/bin/bash run.sh two words"),
        ("  python3   s.py  \n", JobKind.SCORE, "{python} s.py"),
    ],
)
def test_a_command_becomes_a_program_and_its_arguments(given: str, kind: JobKind, understood: str) -> None:
    assert " ".join(codabench.command({"command": given}, kind)) == understood


def test_an_argument_with_spaces_stays_one() -> None:
    assert codabench.command({"command": "sh -c 'echo a'"}, JobKind.SCORE) == ("/bin/sh", "-c", "echo a")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "has no command"),
        ("", "has no command"),
        (["python3", "x.py"], "has no command"),
        ("Rscript score.R", "starts “Rscript”"),
        ("./run", "starts “./run”"),
        ("{python} x.py", "starts “{python}”"),
        ("python3 '{python}'", "not run by a shell: put “{python}”"),
        ("python3 a.py; reboot", "not run by a shell: put “a.py;”"),
        ("python3 a.py && python3 b.py", "not run by a shell"),
        ("python3 a.py > /app/output/log", "not run by a shell"),
        ("python3 a.py 2>&1", "not run by a shell"),
        ("python3 a.py | tee x", "not run by a shell"),
        ("python3 `which x`", "not run by a shell"),
        ("python3 $(which x)", "not run by a shell"),
        ("python3 a.py\npython3 b.py", "more than one line"),
        ("python3 $HOME/x.py", "names $HOME, which nobody sets"),
        ("python3 'a.py", "quote that is never closed"),
        ("python3 " + "x" * 2000, "longer than 2000 characters"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(given: object, why: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        codabench.command({"command": given}, JobKind.SCORE)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("files", "scores"),
    [
        ({"scores.json": b'{"a": 0.5, "b": 3}'}, {"a": 0.5, "b": 3.0}),
        ({"scores.json": b'\xef\xbb\xbf{"a": "0.25"}'}, {"a": 0.25}),
        ({"scores.txt": b"set1_score: 0.5\r\n\r\nDuration: 1e-3\n"}, {"set1_score": 0.5, "Duration": 0.001}),
        ({"scores.txt": b"a: 1", "scores.json": b'{"a": 2}'}, {"a": 2.0}),
    ],
)
def test_scores_are_read_by_their_keys(files: dict[str, bytes], scores: dict[str, float]) -> None:
    assert codabench.read_scores(files) == scores


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "neither scores.json nor scores.txt"),
        ({"scores.json": b"{}"}, "scores are empty"),
        ({"scores.txt": b"\n"}, "scores are empty"),
        ({"scores.json": b"[1]"}, "must be an object"),
        ({"scores.json": b"nonsense"}, "is no JSON"),
        ({"scores.json": b'{"a":' * 50_000}, "larger than"),
        ({"scores.json": b"[" * 60_000}, "is no JSON"),
        ({"scores.json": b'{"a": 1, "a": 2}'}, "gave one score twice"),
        ({"scores.txt": b"a: 1\na: 2"}, "gave one score twice"),
        ({"scores.txt": b"0.5"}, "not of the form"),
        ({"scores.txt": b"a: nan"}, "“a” is no finite number"),
        ({"scores.txt": b"a: 1_000"}, "“a” is no finite number"),
        ({"scores.txt": b"a: "}, "“a” is no finite number"),
        ({"scores.txt": b"a: 1e999"}, "“a” is no finite number"),
        ({"scores.json": b'{"a": NaN}'}, "“a” is no finite number"),
        ({"scores.json": b'{"a": -Infinity}'}, "“a” is no finite number"),
        ({"scores.json": b'{"a": 1e999}'}, "“a” is no finite number"),
        ({"scores.json": b'{"a": {"b": 1}}'}, "“a” is no finite number"),
        ({"scores.json": b'{"a": true}'}, "“a” is no finite number"),
        ({"scores.json": b'{"": 1}'}, "a name that cannot be shown"),
        ({"scores.json": b'{"a\\u202e": 1}'}, "a name that cannot be shown"),
        ({"scores.json": b'{"a": \xff}'}, "not encoded as UTF-8"),
        ({"scores.json": json.dumps({str(n): n for n in range(101)}).encode()}, "more than 100 scores"),
    ],
)
def test_scores_that_cannot_be_counted_are_refused_with_a_sentence(files: dict[str, bytes], why: str) -> None:
    with pytest.raises(BadScores) as refused:
        codabench.read_scores(files)
    assert why in str(refused.value)
