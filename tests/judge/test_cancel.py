"""Cancel works at any state, at once, and leaves exactly one terminal state."""

from __future__ import annotations

import datetime
import json

import pytest
from django.utils import timezone

from contests.models import Submission
from judge import cancel, operating, own_queue
from judge.models import Job, Run
from tests.builders import make_contest, make_pool, make_submission, make_user
from tests.hidden import SCRIPT, hand_in, hidden_contest
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


@pytest.mark.parametrize("why", ["pool held", "contest held", "file away", "given back"])
def test_what_waits_for_any_reason_is_cancelled_and_never_claimed(submission: Submission, why: str) -> None:
    if why == "pool held":
        operating.hold(make_pool("cpu"))
    elif why == "contest held":
        own_queue.hold(submission.contest, by=None)
    elif why == "file away":
        later = timezone.now() + datetime.timedelta(minutes=1)
        Job.objects.update(host="", attempt=1, lease_until=later)
    else:
        spec = Host().must_claim()
        Host().on_job("POST", spec, "give-back", {"attempt": spec.attempt, "reason": "the disk is full"})
    assert cancel.cancel(submission)
    assert cancelled(submission)
    operating.release(make_pool("cpu"))
    own_queue.release(submission.contest, by=None)
    Job.objects.update(lease_until=None)
    assert Host(name="host-2").claim() is None


def test_a_script_is_cancelled_between_its_rehearsal_and_its_hidden_run_and_in_it() -> None:
    contest, host = hidden_contest(), Host()
    for claimed in (False, True):
        submission = hand_in(contest, make_user(f"u{claimed}"), "work.py", SCRIPT)
        host.run_well(host.must_claim())
        spec = host.must_claim() if claimed else None
        assert Job.objects.get(run__submission=submission, kind="run").status == (
            "RUNNING" if claimed else "QUEUED"
        )
        assert cancel.cancel(submission)
        submission.refresh_from_db()
        assert (submission.status, submission.verdict) == ("CANCELLED", "CANCELLED")
        assert host.claim() is None
        if spec is not None:
            assert json.loads(host.heartbeat(spec).content)["cancel"] is True


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
