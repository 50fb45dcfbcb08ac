"""Beside hidden features: what a host is given, what the site takes from it, and what a contestant is told."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from contests import blobs
from contests.models import Contest, Submission
from judge import cancel, checking, logs, specification, trials, usage
from judge.models import Job, JobUpload, LogChunk, Run, RunFile, UsageSample
from judge.templatetags.judging import complaint
from judge.verdicts import explain
from leaderboard.models import Score
from runners.spec import RESULT_FILE, SUBMISSION_FILE, JobKind, JobSpec
from runners.traced.bundle import TRACE
from runners.verdict import KillReason
from tests.builders import PASSWORD, make_facts, make_user, task_version_of
from tests.hidden import CANARY, HIDDEN_TEST, hand_in, hidden_contest, zipped
from tests.judge.host import Host

pytestmark = pytest.mark.django_db
SCRIPT = b"1\n2\n3\n4\n5\n"
NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
            for source in ("x = 1", "y = 2")
        ],
    }
).encode()
FAILED = make_facts(exit_code=1, wall_s=13.3, cpu_s=7.1, memory_peak=300 << 20)
SAMPLES: dict[str, Any] = {"samples": [[0, 0.1, 0.1, 1000, 10, None, None]]}


@pytest.fixture
def contest() -> Contest:
    return hidden_contest()


@pytest.fixture
def plain_static_files(settings: Any) -> None:
    """The manifest of hashed names is made by a build; pages are read here without one."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}


def hidden_spec(contest: Contest, user: User, name: str = "work.py", content: bytes = SCRIPT) -> JobSpec:
    """The job of a submission that meets the hidden features, claimed."""
    hand_in(contest, user, name, content)
    host = Host()
    first = host.must_claim()
    host.finish(first, files={"model.zip": zipped({"m": b"1"}), SUBMISSION_FILE: b"id,target\n"})
    return host.must_claim()


def digest_at(spec: JobSpec, path: str) -> bytes:
    (item,) = [item for item in spec.inputs if item.path == path]
    return blobs.path_of(item.sha256).read_bytes()


def fetched(submission: Submission, user: User) -> bytes:
    """Every byte of a submission that its owner can ask for, by pages and by the API."""
    client = Client()
    assert client.login(username=user.username, password=PASSWORD)
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
    facts = make_facts() if end in {"well", "invalid"} else FAILED
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
    assert leak not in fetched(submission, user)
    assert b"13.3" not in fetched(submission, user)
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


def fail(contest: Contest, user: User, trace: dict[str, Any] | bytes, **upload: Any) -> Run:
    spec = hidden_spec(contest, user, **upload)
    content = trace if isinstance(trace, bytes) else json.dumps(trace).encode()
    name = "notebook.json" if upload.get("name", "").endswith(".ipynb") else TRACE
    Host().finish(spec, facts=FAILED, files={name: content})
    run: Run = Run.objects.order_by("-pk")[0]
    assert (run.verdict, run.errors) == ("RUNTIME_ERROR", [])
    return run


def test_a_failure_is_told_by_own_line_and_known_class(contest: Contest) -> None:
    run = fail(contest, make_user(), {"file": "main.py", "line": 4, "exception": "KeyError"})
    assert run.trace == {
        "stage": "run",
        "explained": True,
        "exception": "KeyError",
        "file": "work.py",
        "line": 4,
    }
    text = explain("RUNTIME_ERROR", run).text
    assert "work.py, line 4" in text
    assert "KeyError" in text
    assert "exit" not in text


def test_in_a_project_it_is_a_file_of_the_project(contest: Contest) -> None:
    trace = {"file": "predict.py", "line": 3, "exception": "pandas.errors.ParserError"}
    run = fail(contest, make_user(), trace, name="work.zip", content=zipped())
    assert run.trace == {"stage": "predict", "explained": True, **trace}


def test_of_a_notebook_it_is_a_cell(contest: Contest) -> None:
    kinds = ["pandas.errors.MergeError", "ValueError", "Exception"]
    failed = {"cell": 2, "line": "y", "name": "MergeError", "message": "no", "kinds": kinds}
    report = {"cells": 2, "done": 1, "failed": failed}
    run = fail(contest, make_user(), report, name="work.ipynb", content=NOTEBOOK)
    told = {"cell": 2, "cells": 2, "exception": "pandas.errors.MergeError"}
    assert run.trace == {"stage": "run", "explained": True, **told}


@pytest.mark.parametrize(
    ("failed", "told"),
    [
        (
            {"name": CANARY, "kinds": [CANARY, f"__main__.{CANARY}", "LookupError", "Exception"]},
            "LookupError",
        ),
        ({"name": CANARY, "kinds": ["__main__.KeyError", "Exception"]}, "Exception"),  # its own of that name
        ({"name": "KeyError", "kinds": []}, "KeyError"),  # of a kernel that does not answer
        ({"name": "MergeError", "kinds": []}, "Exception"),
        ({"name": CANARY, "kinds": [CANARY]}, "Exception"),
        ({"name": "KeyError"}, "KeyError"),
        ({"name": CANARY, "kinds": f"{CANARY} KeyError"}, "Exception"),
        ({"name": CANARY, "kinds": {CANARY: "KeyError"}}, "Exception"),
        ({"name": [CANARY], "kinds": [["KeyError"]]}, None),
        ({"name": CANARY, "kinds": 7}, None),
    ],
)
def test_of_a_notebooks_exception_the_nearest_class_is_told_that_is_one_of_a_few(
    contest: Contest, failed: dict[str, Any], told: str | None
) -> None:
    report = {"cells": 2, "done": 1, "failed": {"cell": 2} | failed}
    run = fail(contest, make_user(), report, name="work.ipynb", content=NOTEBOOK)
    expected = {} if told is None else {"cell": 2, "cells": 2, "exception": told}
    assert run.trace == {"stage": "run", "explained": True, **expected}


GOOD = {"file": "main.py", "line": 1, "exception": "KeyError"}


@pytest.mark.parametrize(
    ("trace", "told"),
    [
        (GOOD | {"line": 7}, {"exception": "KeyError"}),
        (GOOD | {"line": 0}, {"exception": "KeyError"}),
        (GOOD | {"line": -1}, {"exception": "KeyError"}),
        (GOOD | {"line": True}, {"exception": "KeyError"}),
        (GOOD | {"line": 1.5}, {"exception": "KeyError"}),
        (GOOD | {"line": "1"}, {"exception": "KeyError"}),
        (GOOD | {"file": "other.py"}, {"exception": "KeyError"}),
        (GOOD | {"file": "../etc/passwd"}, {"exception": "KeyError"}),
        (GOOD | {"exception": "MyError"}, {"file": "work.py", "line": 1}),
        (GOOD | {"exception": ["KeyError"]}, {"file": "work.py", "line": 1}),
        (GOOD | {"more": CANARY}, {"file": "work.py", "line": 1, "exception": "KeyError"}),
        ({"file": "main.py"}, {}),
        ([1, 2], {}),
        (b"[" * 4000, {}),
        (b"\xff\xfe", {}),
        (json.dumps(GOOD).encode() + b" " * 5000, {}),
        (b"", {}),
    ],
)
def test_no_word_of_a_trace_is_believed_that_is_not_one_of_a_few(
    contest: Contest, trace: Any, told: dict[str, Any]
) -> None:
    run = fail(contest, make_user(), trace)
    assert run.trace == {"stage": "run", "explained": True, **told}


@pytest.mark.parametrize("cell", [0, 3, -1, "1", True, None])
def test_no_cell_that_a_notebook_does_not_have(contest: Contest, cell: object) -> None:
    report = {"cells": 9, "done": 0, "failed": {"cell": cell, "line": "", "name": CANARY, "message": CANARY}}
    run = fail(contest, make_user(), report, name="work.ipynb", content=NOTEBOOK)
    assert run.trace == {"stage": "run", "explained": True, "exception": "Exception"}


def test_figures_are_told_in_coarse_steps_and_kept_exactly_for_operators(contest: Contest) -> None:
    user = make_user()
    run = fail(contest, user, GOOD)
    assert run.facts == {
        "stage": "run",
        "wall_s": 20.0,
        "cpu_s": 10.0,
        "gpu_s": 0.0,
        "memory_peak": 512 << 20,
        "disk_peak": 0,
    }
    assert usage.of_user(user).wall_s == 12.5 + 20.0  # the rehearsal's as it was
    assert Job.objects.get(kind="run").usage["wall_s"] == 13.3


def test_a_team_gets_as_many_explanations_a_day_as_the_task_allows() -> None:
    contest, alice = hidden_contest(hidden_replies=2), make_user()
    assert [fail(contest, alice, GOOD).trace["explained"] for _ in range(3)] == [True, True, False]
    last = Run.objects.order_by("-pk")[0]
    assert (last.facts, set(last.trace)) == ({}, {"stage", "explained"})
    assert "No more failures are explained today" in explain("RUNTIME_ERROR", last).text
    assert fail(contest, make_user("bob"), GOOD).trace["explained"]
    Run.objects.update(finished_at=timezone.now() - dt.timedelta(days=1))
    assert fail(contest, alice, GOOD).trace["explained"]


def test_mistakes_in_predictions_are_of_four_kinds_and_count_as_explanations() -> None:
    contest, user = hidden_contest(hidden_replies=2), make_user()
    kinds = []
    for code in ("unknown_id", "missing_column", "not_a_number"):
        spec, host = hidden_spec(contest, user), Host()
        host.run_well(spec)
        errors = [{"code": code, "params": {"row": 7, "id": CANARY, "column": CANARY}, "message": CANARY}] * 3
        host.finish(
            host.must_claim("scoring"),
            files={RESULT_FILE: json.dumps({"ok": False, "errors": errors}).encode()},
        )
        run = Run.objects.order_by("-pk")[0]
        assert run.verdict == "INVALID_OUTPUT"
        kinds += [error["code"] for error in run.errors]
        assert all(complaint(error) for error in run.errors)
    assert kinds == ["hidden_rows", "hidden_header"]
    assert not run.trace["explained"]


def test_a_limit_is_told_by_its_verdict(contest: Contest) -> None:
    spec = hidden_spec(contest, make_user())
    Host().finish(spec, facts=make_facts(exit_code=None, signal=9, kill_reason=KillReason.WALL, wall_s=600.1))
    run = Run.objects.get()
    assert (run.verdict, run.facts["wall_s"]) == ("TIME_LIMIT_EXCEEDED", 1000.0)
    assert "600 seconds" in explain(run.verdict, run).text


def test_organisers_trials_are_always_explained() -> None:
    contest, organiser = hidden_contest(hidden_replies=0), make_user("organiser")
    upload = SimpleUploadedFile("work.py", SCRIPT)
    trials.hand_in(user=organiser, version=task_version_of(contest), file=upload)
    host = Host()
    host.run_well(host.must_claim())
    host.finish(host.must_claim(), facts=FAILED, files={TRACE: json.dumps(GOOD).encode()})
    assert Run.objects.get().trace["explained"]
