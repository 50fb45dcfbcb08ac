"""Of a run beside hidden features that failed: what little a contestant is told, and how often."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import User
from contests.models import Contest
from judge import trials, usage
from judge.models import Job, Run
from judge.templatetags.judging import complaint
from judge.verdicts import explain
from runners.spec import RESULT_FILE
from runners.traced.bundle import TRACE
from runners.verdict import KillReason
from tests.builders import make_facts, make_user, task_version_of
from tests.hidden import CANARY, FAILED, NOTEBOOK, SCRIPT, WALL_S, hidden_contest, hidden_spec, zipped
from tests.judge.host import Host

pytestmark = pytest.mark.django_db


@pytest.fixture
def contest() -> Contest:
    return hidden_contest()


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
        "wall_s": 200.0,
        "cpu_s": 10.0,
        "gpu_s": 0.0,
        "memory_peak": 512 << 20,
        "disk_peak": 0,
    }
    assert usage.of_user(user).wall_s == 12.5 + 200.0  # the rehearsal's as it was
    assert Job.objects.get(kind="run").usage["wall_s"] == WALL_S


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
