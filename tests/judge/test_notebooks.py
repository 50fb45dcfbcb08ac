"""A notebook on its way through the site: taken in, specified, finished, explained."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contests.models import Submission
from judge import intake, notebooks
from judge.models import Run
from judge.verdicts import explain
from runners.notebook import bundle
from runners.verdict import OutputState, Verdict
from tests.builders import make_blob, make_contest, make_facts, make_submission, make_user
from tests.judge.host import Host

pytestmark = pytest.mark.django_db
NOTEBOOK = json.dumps(
    {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": "x = 1"}]}
).encode()
FAILED = {"cell": 2, "line": "fit()", "name": "ValueError", "message": "no good"}


@pytest.fixture
def submission() -> Submission:
    contest = make_contest(kinds=["notebook"])
    return intake.submit(
        user=make_user(), contest=contest, file=SimpleUploadedFile("my work.ipynb", NOTEBOOK)
    )


def test_a_notebook_is_taken_and_run_by_the_driver(submission: Submission) -> None:
    assert (submission.kind, submission.filename) == ("notebook", "my work.ipynb")
    spec = Host().must_claim()
    assert spec.argv == bundle.argv(spec.limits.wall_s)
    assert spec.kept == bundle.KEPT
    places = {item.path: item for item in spec.inputs}
    assert places[bundle.NOTEBOOK].sha256 == submission.blob_id
    assert places[bundle.PROGRAM].size == len(bundle.build_zipapp())
    assert "/input/train.csv" in places
    slug = submission.contest.slug
    assert places[f"/kaggle/input/{slug}/train.csv"].sha256 == places["/input/train.csv"].sha256
    assert spec.links == (("/kaggle/working", "/output"), (f"/input/{slug}", f"/kaggle/input/{slug}"))
    assert Host().on_job("GET", spec, f"blobs/{places[bundle.PROGRAM].sha256}").status_code == 200


def test_a_public_file_named_as_its_contest_keeps_its_place() -> None:
    contest = make_contest("train", kinds=["notebook"], files={"train": b"id,x\n1,2\n"})
    intake.submit(user=make_user(), contest=contest, file=SimpleUploadedFile("a.ipynb", NOTEBOOK))
    assert Host().must_claim().links == (("/kaggle/working", "/output"),)


def test_a_script_gets_neither_the_driver_nor_kept_files() -> None:
    make_submission(make_contest(), make_user())
    spec = Host().must_claim()
    assert spec.argv == ("{python}", "/submission/main.py")
    assert spec.kept == ()


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"print()", "bad_notebook"), (b"", "empty"), (NOTEBOOK.replace(b"4,", b"1,", 1), "bad_notebook")],
)
def test_what_is_no_notebook_is_refused_at_upload(content: bytes, code: str) -> None:
    contest = make_contest(kinds=["notebook"])
    with pytest.raises(intake.Rejected) as refused:
        intake.submit(user=make_user(), contest=contest, file=SimpleUploadedFile("a.ipynb", content))
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert not Submission.objects.exists()


def test_a_notebook_full_of_outputs_is_asked_to_clear_them() -> None:
    contest = make_contest(kinds=["notebook"])
    large = SimpleUploadedFile("a.ipynb", b'{"cells": "' + b"x" * (6 << 20))
    with pytest.raises(intake.Rejected) as refused:
        intake.submit(user=make_user(), contest=contest, file=large)
    assert refused.value.status == 413
    assert "Clear its outputs" in refused.value.message


def _finished(submission: Submission, report: object, **facts: Any) -> Run:
    host = Host()
    spec = host.must_claim()
    files = {bundle.EXECUTED: b"{}", bundle.PAGE: b"<p>x</p>", bundle.REPORT: json.dumps(report).encode()}
    answer = host.finish(
        spec, facts=make_facts(exit_code=1, output=OutputState.MISSING, **facts), files=files
    )
    assert answer.status_code == 200, answer.content
    return Run.objects.get(submission=submission)


def test_the_failing_cell_is_named_and_the_notebook_kept(submission: Submission) -> None:
    run = _finished(submission, {"cells": 3, "done": 1, "failed": FAILED})
    assert run.verdict == Verdict.RUNTIME_ERROR
    assert run.facts["notebook"] == {"cells": 3, "done": 1, "failed": FAILED}
    assert "Cell 2 of 3 failed: ValueError: no good" in explain(run.verdict, run).text
    assert sorted(file.name for file in run.files.all()) == sorted(bundle.KEPT)


def test_the_cell_that_ran_at_a_limit_is_named(submission: Submission) -> None:
    running = {"cell": 2, "line": "fit()"}
    run = _finished(submission, {"cells": 3, "done": 1, "running": running}, oom_kills=1)
    assert run.verdict == Verdict.MEMORY_LIMIT_EXCEEDED
    assert "Cell 2 of 3 was running: fit()" in explain(run.verdict, run).text


def test_a_forged_report_changes_no_verdict(submission: Submission) -> None:
    run = _finished(submission, {"cells": 3, "done": 3, "verdict": "SCORED", "exit_code": 0})
    assert run.verdict == Verdict.RUNTIME_ERROR
    assert run.facts["exit_code"] == 1
    assert "Cell" not in explain(run.verdict, run).text


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"cells": 1}',
        b'{"cells": "1", "done": 0}',
        b'{"cells": 1e400, "done": 0}',
        b'{"cells": -1, "done": 0}',
        b'{"cells": true, "done": 0}',
        b'{"cells": 1, "done": 0, "failed": 7}',
        b'{"cells": 1, "done": 0, "failed": {"cell": 1, "line": []}}',
        b"[" * 5000,
        b"\xff\xfe\x00",
        b'{"cells": ' + b"9" * 5000 + b', "done": 0}',
        b'{"cells": 1, "done": 0, "more": "' + b"x" * 10_000 + b'"}',
    ],
)
def test_a_report_that_cannot_be_read_says_nothing(report: bytes) -> None:
    assert notebooks.progress_of({bundle.REPORT: make_blob(report)}) == {}


def test_a_reports_words_are_short_and_harmless() -> None:
    odd = "\x00\x1b[31mred\u202e\ud800" + "x" * 2000
    report = json.dumps(
        {"cells": 1, "done": 0, "failed": {"cell": 1, "line": odd, "name": "E", "message": "m"}}
    )
    told = notebooks.progress_of({bundle.REPORT: make_blob(report.encode())})
    assert told["failed"]["line"].startswith("red?xxx")
    assert len(told["failed"]["line"]) <= 500


def test_the_explanation_costs_no_query(submission: Submission) -> None:
    run = _finished(submission, {"cells": 3, "done": 1, "failed": FAILED})
    run = Run.objects.select_related("task_version").get(pk=run.pk)
    with CaptureQueriesContext(connection) as queries:
        explain(run.verdict, run)
    assert len(queries) == 0
