"""Beside hidden features: what a host is given, what the site takes from it, and what a contestant is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from contests import blobs
from contests.models import Contest, Submission
from judge import cancel, checking, logs, specification, usage
from judge.models import Job, JobUpload, LogChunk, RunFile, UsageSample
from leaderboard.models import Score
from runners.spec import SUBMISSION_FILE, JobKind, JobSpec
from runners.traced.bundle import TRACE
from tests.builders import make_facts, make_user, task_version_of
from tests.hidden import (
    CANARY,
    FAILED,
    HIDDEN_TEST,
    NOTEBOOK,
    SAMPLES,
    SCRIPT,
    WALL_S,
    WALL_SAID,
    hand_in,
    hidden_contest,
    hidden_spec,
    zipped,
)
from tests.judge.host import Host

pytestmark = pytest.mark.django_db


@pytest.fixture
def contest() -> Contest:
    return hidden_contest()


@pytest.fixture
def plain_static_files(settings: Any) -> None:
    """The manifest of hashed names is made by a build; pages are read here without one."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}


def digest_at(spec: JobSpec, path: str) -> bytes:
    (item,) = [item for item in spec.inputs if item.path == path]
    return blobs.path_of(item.sha256).read_bytes()


def fetched(submission: Submission, user: User) -> bytes:
    """Every byte of a submission that its owner can ask for, by pages and by the API."""
    client = Client()
    client.force_login(user)
    page, api = f"/submissions/{submission.pk}", f"/api/v1/submissions/{submission.pk}"
    places = [f"{page}/", f"{page}/log/", f"{page}/usage/", f"{page}/notebook/", f"{api}/", f"{api}/log/"]
    places += [f"{api}/usage/", f"{api}/files/", f"{api}/feedback/", "/api/v1/me/usage/", "/submissions/"]
    names = (
        "submission.csv",
        TRACE,
        "notebook.json",
        "notebook.ipynb",
        "notebook.html",
        "model.zip",
        "extra.txt",
    )
    places += [f"{base}/files/{name}" for name in names for base in (page, api)]
    seen, found = b"", set()
    for place in places:
        answer = client.get(place, follow=True)
        assert answer.status_code in {200, 404}, (place, answer.status_code)
        found |= {place} if answer.status_code == 200 else set()
        seen += b"".join(answer) if answer.streaming else answer.content
    assert found >= {*places[:3], *places[4:8], *places[9:11]}
    return seen


# What a host is given


@pytest.mark.parametrize(
    ("name", "content", "first", "then"),
    [
        ("work.py", SCRIPT, JobKind.REHEARSE, JobKind.RUN),
        ("work.ipynb", NOTEBOOK, JobKind.REHEARSE, JobKind.RUN),
        ("work.zip", zipped(), JobKind.TRAIN, JobKind.PREDICT),
    ],
)
def test_a_program_is_tried_on_what_is_public_and_only_then_meets_what_is_hidden(
    contest: Contest, name: str, content: bytes, first: JobKind, then: JobKind
) -> None:
    submission = hand_in(contest, make_user(), name, content)
    host = Host()
    spec = host.must_claim()
    assert (spec.kind, spec.withheld) == (first, False)
    assert digest_at(spec, "/input/test.csv") != HIDDEN_TEST
    host.heartbeat(spec, log=b"on public data\n")
    host.finish(spec, files={"model.zip": zipped({"m": b"1"}), SUBMISSION_FILE: b"id,target\n"})
    spec = host.must_claim()
    assert (spec.kind, spec.withheld) == (then, True)
    assert digest_at(spec, "/input/test.csv") == HIDDEN_TEST
    assert {item.path for item in spec.inputs} >= {"/input/train.csv", "/input/sample_submission.csv"}
    host.run_well(spec)
    host.score_well(host.must_claim("scoring"))
    submission.refresh_from_db()
    assert submission.verdict == "SCORED"
    assert logs.read(submission).text == "on public data\n"


def test_a_notebook_finds_them_in_both_its_places(contest: Contest) -> None:
    spec = hidden_spec(contest, make_user(), "work.ipynb", NOTEBOOK)
    assert digest_at(spec, f"/kaggle/input/{contest.slug}/test.csv") == HIDDEN_TEST
    assert spec.kept == ("notebook.json",)


def test_only_a_job_whose_words_are_withheld_may_fetch_them(contest: Contest) -> None:
    hand_in(contest, make_user(), "work.py", SCRIPT)
    digest = task_version_of(contest).hidden_files.get().blob_id
    host = Host()
    spec = host.must_claim()
    assert host.on_job("GET", spec, f"blobs/{digest}").status_code == 404
    host.finish(spec, files={SUBMISSION_FILE: b"id,target\n"})
    assert host.on_job("GET", host.must_claim(), f"blobs/{digest}").status_code == 200


def test_a_job_that_would_show_them_is_never_handed_out(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(contest, make_user(), "work.py", SCRIPT)
    # As if the rehearsal found the hidden files by mistake.
    version = task_version_of(contest)
    version.files.filter(name="test.csv").update(blob=version.hidden_files.get().blob)
    assert Host().claim() is None
    job = Job.objects.get()
    assert job.status == "FAILED"
    assert "hidden features" in job.error
    with pytest.raises(specification.ForbiddenFeatures):
        specification.build(job, token="t")


def test_the_organisers_check_looks_at_them_where_labels_are_trusted(contest: Contest) -> None:
    checking.start(task_version_of(contest), make_user("organiser"))
    spec = Host().must_claim("scoring")
    assert digest_at(spec, "/input/hidden/test.csv") == HIDDEN_TEST
    assert json.loads(digest_at(spec, "/input/check.json"))["hidden"] == ["test.csv"]


# What is taken and told


@pytest.mark.usefixtures("plain_static_files")
@pytest.mark.parametrize("end", ["well", "failed", "invalid", "cancelled"])
@pytest.mark.parametrize(
    ("name", "content"), [("work.py", SCRIPT), ("work.ipynb", NOTEBOOK), ("work.zip", zipped())]
)
def test_nothing_a_host_sends_of_it_reaches_the_contestant(
    contest: Contest, name: str, content: bytes, end: str
) -> None:
    user = make_user()
    spec = hidden_spec(contest, user, name, content)
    submission = Submission.objects.get()
    host, leak = Host(), CANARY.encode()
    facts = make_facts(wall_s=WALL_S) if end in {"well", "invalid"} else FAILED
    host.heartbeat(spec, log=b"secret " + leak, **SAMPLES)
    report = {"cells": 2, "done": 0, "failed": {"cell": 1, "line": CANARY, "name": CANARY, "message": CANARY}}
    trace = {"file": CANARY, "line": 3, "exception": CANARY, CANARY: CANARY}
    files = {
        SUBMISSION_FILE: b"id,target\n3," + leak,
        TRACE: json.dumps(trace).encode(),
        "notebook.json": json.dumps(report).encode(),
        "notebook.ipynb": leak,
        "notebook.html": leak,
        "extra.txt": leak,
    }
    if end == "cancelled":
        cancel.cancel(submission)
    else:
        assert host.finish(spec, facts=facts, files=files).status_code == 200
    if end == "well":
        feedback = {"classes": {"labels": [CANARY]}}
        result = {"ok": True, "public": 0.5, "private": 0.5, "feedback": feedback}
        host.score_well(host.must_claim("scoring"), result)
    elif end == "invalid":
        error = {"code": "unknown_id", "params": {"row": 7, "id": CANARY}, "message": CANARY}
        host.score_well(host.must_claim("scoring"), {"ok": False, "errors": [error]})
    seen = fetched(submission, user)
    assert [told for told in (leak, *WALL_SAID) if told in seen] == []
    assert not LogChunk.objects.filter(job_id=spec.job_id).exists()
    assert not UsageSample.objects.filter(job_id=spec.job_id).exists()
    hidden = JobUpload.objects.filter(job_id=spec.job_id).values_list("blob")
    assert not RunFile.objects.filter(blob__in=hidden).exists()
    assert list(Score.objects.values_list("feedback", flat=True)) == ([{}] if end == "well" else [])


def test_a_log_from_its_host_is_acknowledged_and_dropped(contest: Contest) -> None:
    spec = hidden_spec(contest, make_user())
    answer = Host().heartbeat(spec, log=b"secret")
    assert (answer.status_code, json.loads(answer.content)["log_offset"]) == (200, 6)
    assert not LogChunk.objects.exists()
    assert Job.objects.get(pk=spec.job_id).log_bytes == 0


def test_even_a_log_and_a_curve_that_were_kept_would_not_be_shown(contest: Contest) -> None:
    spec = hidden_spec(contest, make_user())
    LogChunk.objects.create(job_id=spec.job_id, attempt=1, offset=0, data=b"secret")
    Job.objects.filter(pk=spec.job_id).update(log_bytes=6)
    point = {"number": 0, "wall_s": 1.0, "cpu_s": 1.0, "memory": 5, "disk": 5}
    UsageSample.objects.create(job_id=spec.job_id, attempt=1, **point)
    submission = Submission.objects.get()
    assert logs.read(submission).text == ""
    assert usage.series(submission.runs.get()).rows == []


@pytest.mark.usefixtures("plain_static_files")
def test_the_page_says_that_nothing_is_shown_while_it_runs(contest: Contest) -> None:
    user = make_user()
    submission = hand_in(contest, user, "work.py", SCRIPT)
    host, words = Host(), b"running beside hidden rows"
    spec = host.must_claim()
    assert words not in fetched(submission, user)
    host.finish(spec, files={SUBMISSION_FILE: b"id,target\n"})
    host.must_claim()
    assert words in fetched(submission, user)
