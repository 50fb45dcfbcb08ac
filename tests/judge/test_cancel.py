"""Cancel works at any state, at once, and leaves exactly one terminal state."""

from __future__ import annotations

import json

import pytest

from contests.models import Submission
from judge import cancel
from judge.models import Job, Run
from tests.builders import make_contest, make_submission, make_user
from tests.judge.host import Host

pytestmark = pytest.mark.django_db


@pytest.fixture
def submission() -> Submission:
    return make_submission(make_contest(), make_user())


def cancelled(submission: Submission) -> bool:
    submission.refresh_from_db()
    return (submission.status, submission.verdict, Run.objects.get().status) == ("CANCELLED",) * 3


def test_a_queued_submission_is_cancelled_and_never_claimed(submission: Submission) -> None:
    assert cancel.cancel(submission)
    assert cancelled(submission)
    assert Host().claim() is None


def test_a_running_submission_is_cancelled_at_once_and_its_agent_hears_of_it(submission: Submission) -> None:
    spec = Host().must_claim()
    assert cancel.cancel(submission)
    assert cancelled(submission)
    assert json.loads(Host().heartbeat(spec).content)["cancel"] is True
    late = {"attempt": spec.attempt, "facts": {}, "files": []}
    assert Host().on_job("POST", spec, "finish", late).status_code == 409
    assert cancelled(submission)


def test_a_submission_that_is_being_scored_is_cancelled_and_not_counted(submission: Submission) -> None:
    host = Host()
    host.run_well(host.must_claim())
    scoring = host.must_claim("scoring")
    assert cancel.cancel(submission)
    assert host.on_job("PUT", scoring, f"files/{'0' * 64}", b"x").status_code == 409
    assert cancelled(submission)
    assert not submission.scores.exists()


def test_a_finished_submission_keeps_its_verdict(submission: Submission) -> None:
    host = Host()
    host.run_well(host.must_claim())
    host.score_well(host.must_claim("scoring"))
    assert not cancel.cancel(submission)
    submission.refresh_from_db()
    assert submission.verdict == "SCORED"


def test_cancelling_twice_says_so(submission: Submission) -> None:
    assert cancel.cancel(submission)
    assert not cancel.cancel(submission)
    assert Job.objects.get().status == "CANCELLED"
