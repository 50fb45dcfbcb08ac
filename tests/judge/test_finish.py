"""Finishing: facts become one verdict, a score is counted once, and a late word changes nothing."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from contests.models import Contest, Submission
from judge import lease, specification
from judge.models import Job, Run
from leaderboard import boards
from leaderboard.models import Board, BoardEntry, Score, ScoreEvent
from runners.spec import RESULT_FILE, SUBMISSION_FILE, JobSpec
from tests.builders import (
    SOLUTION,
    make_contest,
    make_facts,
    make_pool,
    make_submission,
    make_user,
    task_version_of,
)
from tests.judge.host import Host

pytestmark = pytest.mark.django_db


@pytest.fixture
def contest() -> Contest:
    return make_contest()


@pytest.fixture
def submission(contest: Contest) -> Submission:
    return make_submission(contest, make_user())


@pytest.fixture
def claimed(submission: Submission) -> JobSpec:
    return Host().must_claim()


def state(submission: Submission) -> tuple[str, str]:
    submission.refresh_from_db()
    run = Run.objects.get(submission=submission)
    assert (run.status, run.verdict) == (submission.status, submission.verdict)
    return submission.status, submission.verdict


def test_a_good_run_is_scored_on_the_trusted_pool_and_counted_once(
    submission: Submission, claimed: JobSpec, contest: Contest
) -> None:
    host = Host()
    assert state(submission) == ("RUNNING", "")
    assert host.run_well(claimed).status_code == 200
    assert state(submission) == ("SCORING", "")
    assert host.claim("cpu") is None
    scoring = host.must_claim("scoring")
    assert [item.path for item in scoring.inputs] == [
        "/input/predictions.csv",
        "/input/solution.csv",
        "/input/scoring.json",
        "/submission/scorer.pyz",
    ]
    assert host.score_well(scoring).status_code == 200
    assert state(submission) == ("FINISHED", "SCORED")
    assert (submission.public_score, submission.private_score) == (0.75, 0.5)
    board = boards.public_board(contest)
    assert board is not None
    assert [(row.rank, row.score, row.submissions) for row in boards.rows(board)] == [(1, 0.75, 1)]


def test_a_second_finish_gets_409_and_changes_nothing(claimed: JobSpec) -> None:
    host = Host()
    host.run_well(claimed)
    scoring = host.must_claim("scoring")
    host.score_well(scoring)
    before = list(ScoreEvent.objects.values())
    for spec, what in ((claimed, {SUBMISSION_FILE: b"x"}), (scoring, {RESULT_FILE: b"{}"})):
        answer = host.on_job(
            "POST", spec, "finish", {"attempt": spec.attempt, "facts": make_facts().as_json(), "files": []}
        )
        assert answer.status_code == 409, what
    assert list(ScoreEvent.objects.values()) == before
    assert Score.objects.count() == 1


def test_a_late_finish_of_a_lost_attempt_gets_409_and_the_new_attempt_counts(
    submission: Submission, claimed: JobSpec
) -> None:
    Job.objects.update(lease_until=timezone.now() - datetime.timedelta(seconds=1))
    again = Host(name="host-2").must_claim()
    late = Host().on_job(
        "POST",
        claimed,
        "finish",
        {"attempt": claimed.attempt, "facts": make_facts(exit_code=1).as_json(), "files": []},
    )
    assert late.status_code == 409
    assert state(submission) == ("RUNNING", "")
    assert Host(name="host-2").run_well(again).status_code == 200
    assert state(submission) == ("SCORING", "")


def test_a_finish_that_lost_the_race_after_its_check_is_stale(claimed: JobSpec) -> None:
    job = lease.held(job_id=claimed.job_id, token=claimed.token)  # type: ignore[arg-type]
    Job.objects.filter(pk=job.pk).update(attempt=2)
    with pytest.raises(lease.Stale):
        lease.extend(job, usage={})
    from judge import results  # noqa: PLC0415 - the race is between the check above and this verb

    with pytest.raises(lease.Stale):
        results.finish(job, results.Report(facts=make_facts(exit_code=1), files=(), stages={}))
    assert Job.objects.get(pk=job.pk).status == "RUNNING"


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({"exit_code": None, "signal": 9, "kill_reason": "wall"}, "TIME_LIMIT_EXCEEDED"),
        ({"exit_code": None, "signal": 9, "kill_reason": "cpu"}, "TIME_LIMIT_EXCEEDED"),
        ({"exit_code": None, "signal": 9, "oom_kills": 1}, "MEMORY_LIMIT_EXCEEDED"),
        ({"exit_code": 1, "disk_full": True}, "DISK_LIMIT_EXCEEDED"),
        ({"exit_code": None, "signal": 9, "kill_reason": "log_flood"}, "OUTPUT_LIMIT_EXCEEDED"),
        ({"exit_code": 0, "output": "too_big"}, "OUTPUT_LIMIT_EXCEEDED"),
        ({"exit_code": 1, "pids_hits": 4}, "PROCESS_LIMIT_EXCEEDED"),
        ({"exit_code": 7}, "RUNTIME_ERROR"),
        ({"exit_code": 137}, "RUNTIME_ERROR"),
        ({"exit_code": None, "signal": 11}, "RUNTIME_ERROR"),
        ({"output": "missing"}, "NO_OUTPUT"),
        ({"output": "not_regular"}, "INVALID_OUTPUT"),
    ],
)
def test_the_facts_decide_the_verdict(
    submission: Submission, claimed: JobSpec, facts: dict[str, Any], verdict: str
) -> None:
    raw = make_facts().as_json() | facts
    answer = Host().on_job("POST", claimed, "finish", {"attempt": claimed.attempt, "facts": raw, "files": []})
    assert answer.status_code == 200
    assert state(submission) == ("FINISHED", verdict)
    assert not Job.objects.filter(kind="score").exists()


def test_predictions_that_break_the_rules_are_invalid_output_with_their_mistakes(
    submission: Submission, claimed: JobSpec
) -> None:
    host = Host()
    host.run_well(claimed)
    error = {"code": "missing_id", "params": {"id": "4"}, "message": "Row 4 is missing."}
    host.score_well(host.must_claim("scoring"), {"ok": False, "errors": [error]})
    assert state(submission) == ("FINISHED", "INVALID_OUTPUT")
    assert Run.objects.get().errors == [error]
    assert not Score.objects.exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", '"0.5x"', "null"])
def test_a_score_that_is_not_a_finite_number_is_our_fault_and_never_counted(
    submission: Submission, claimed: JobSpec, number: str
) -> None:
    host = Host()
    host.run_well(claimed)
    text = f'{{"ok": true, "public": {number}, "private": 0.5}}'.encode()
    for name in ("host-1", "host-2", "host-3"):
        assert (
            host.finish(Host(name=name).must_claim("scoring"), files={RESULT_FILE: text}).status_code == 200
        )
    assert state(submission) == ("FAILED", "INTERNAL_ERROR")
    assert not BoardEntry.objects.exists()


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_the_database_itself_refuses_a_score_that_is_not_finite(submission: Submission, value: float) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Score.objects.create(
            submission=submission,
            task_version=task_version_of(submission.contest),
            public=value,
            private=0.5,
            scorer_digest="",
            environment="",
        )


def test_the_database_itself_refuses_to_count_a_submission_twice(
    submission: Submission, claimed: JobSpec
) -> None:
    host = Host()
    host.run_well(claimed)
    host.score_well(host.must_claim("scoring"))
    submission.refresh_from_db()
    with pytest.raises(IntegrityError), transaction.atomic():
        boards.count_score(
            submission=submission,
            task_version=task_version_of(submission.contest),
            public=0.9,
            private=0.9,
            feedback={},
            scorer_digest="",
            environment="",
            at=timezone.now(),
        )
    assert Board.objects.get(audience="public").version == 1


def test_a_report_that_names_a_file_it_never_sent_is_refused_and_can_be_repeated(
    submission: Submission, claimed: JobSpec
) -> None:
    ghost = {"name": SUBMISSION_FILE, "sha256": "0" * 64, "size": 3}
    body = {"attempt": claimed.attempt, "facts": make_facts().as_json(), "files": [ghost]}
    answer = Host().on_job("POST", claimed, "finish", body)
    assert answer.status_code == 422
    assert state(submission) == ("RUNNING", "")
    assert Host().run_well(claimed).status_code == 200


def test_a_pool_that_is_not_trusted_never_gets_labels(submission: Submission, claimed: JobSpec) -> None:
    host = Host()
    host.run_well(claimed)
    scoring = Job.objects.get(kind="score")
    scoring.pool = make_pool("cpu")
    scoring.attempt = 1
    with pytest.raises(specification.ForbiddenPool):
        specification.build(scoring, token="")


def test_a_run_token_downloads_its_inputs_and_never_the_solution(claimed: JobSpec, contest: Contest) -> None:
    host = Host()
    for item in claimed.inputs:
        answer = host.on_job("GET", claimed, f"blobs/{item.sha256}")
        assert answer.status_code == 200
    solution = task_version_of(contest).solution
    refused = host.on_job("GET", claimed, f"blobs/{solution.sha256}")
    assert refused.status_code == 404
    assert SOLUTION not in refused.content


def test_an_upload_whose_bytes_do_not_match_its_name_is_refused(claimed: JobSpec) -> None:
    assert Host().on_job("PUT", claimed, f"files/{'0' * 64}", b"other bytes").status_code == 422


def test_a_malformed_finish_is_told_what_is_wrong(claimed: JobSpec) -> None:
    for body in (b"not json", b"[]", json.dumps({"attempt": claimed.attempt, "facts": {"x": 1}}).encode()):
        answer = Host().on_job("POST", claimed, "finish", body)
        assert answer.status_code == 422
        assert "detail" in json.loads(answer.content)
