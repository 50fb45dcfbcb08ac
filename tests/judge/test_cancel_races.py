"""Cancel meets whatever else happens to a submission at that moment: one of them wins, and nothing is half done."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.utils import timezone

from compute.models import RunnerHost
from contests.models import Contest, Submission
from judge import cancel, lease
from judge.models import Job, Run, Turn
from runners.spec import RESULT_FILE, SUBMISSION_FILE, JobSpec
from tests.builders import make_contest, make_facts, make_submission, make_user, task_version_of
from tests.judge.host import GOOD_RESULT, Host
from tests.together import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


@pytest.fixture
def contest() -> Contest:
    return make_contest()


def consistent(submission: Submission) -> str:
    """The verdict, after looking that run, jobs, scores and board agree with it."""
    submission.refresh_from_db()
    run = Run.objects.get(submission=submission)
    assert (run.status, run.verdict) == (submission.status, submission.verdict)
    assert submission.is_terminal
    jobs = list(Job.objects.filter(run=run).values_list("status", flat=True))
    assert not {"QUEUED", "RUNNING"} & set(jobs), jobs
    entries = submission.contest.phases.get().boards.get(audience="public").entries
    scored = int(submission.verdict == "SCORED")
    assert (submission.scores.count(), entries.filter(team=submission.team).count()) == (scored, scored)
    return submission.verdict


def against(submission: Submission, *others: Callable[[], object]) -> tuple[bool, list[object]]:
    """Cancel at the same moment as something else; whether it was cancelled, and what the others said."""
    said = at_once([lambda: ("cancel", cancel.cancel(submission)), *others], refusal=lease.Stale)
    won = next(answer for answer in said if isinstance(answer, tuple))
    return won[1], [answer for answer in said if answer is not won]


def finish(spec: JobSpec, name: str, content: bytes) -> Callable[[], HttpResponse]:
    """The end of an attempt whose file has been sent."""
    digest = Host().upload(spec, content)
    files = [{"name": name, "sha256": digest, "size": len(content)}]
    body = {"attempt": spec.attempt, "facts": make_facts().as_json(), "files": files}
    return lambda: Host().on_job("POST", spec, "finish", body)


def scoring(contest: Contest, number: int) -> tuple[Submission, JobSpec]:
    submission = make_submission(contest, make_user(f"u{number}"))
    host = Host()
    host.run_well(host.must_claim())
    return submission, host.must_claim("scoring")


def test_cancel_and_the_scorers_finish(contest: Contest) -> None:
    for number in range(ROUNDS):
        submission, spec = scoring(contest, number)
        won, _ = against(submission, finish(spec, RESULT_FILE, json.dumps(GOOD_RESULT).encode()))
        assert consistent(submission) == ("CANCELLED" if won else "SCORED")


def test_cancel_and_a_claim(contest: Contest) -> None:
    for number in range(ROUNDS):
        submission = make_submission(contest, make_user(f"u{number}"))
        won, [spec] = against(submission, Host().claim)
        assert won
        assert consistent(submission) == "CANCELLED"
        if isinstance(spec, JobSpec):
            assert json.loads(Host().heartbeat(spec).content)["cancel"] is True


def test_cancel_and_giving_back(contest: Contest) -> None:
    for number in range(ROUNDS):
        submission = make_submission(contest, make_user(f"u{number}"))
        spec = Host().must_claim()
        body = {"attempt": spec.attempt, "reason": "ours"}
        won, _ = against(submission, functools.partial(Host().on_job, "POST", spec, "give-back", body))
        assert won
        assert consistent(submission) == "CANCELLED"
        assert Host().claim() is None


def test_cancel_between_two_steps(contest: Contest) -> None:
    for number in range(ROUNDS):
        submission = make_submission(contest, make_user(f"u{number}"))
        spec = Host().must_claim()
        won, _ = against(submission, finish(spec, SUBMISSION_FILE, b"id,target\n3,1\n4,1\n"))
        assert won
        assert consistent(submission) == "CANCELLED"
        assert Host().claim("scoring") is None  # the next step was never queued, or was cancelled with it


def test_cancel_twice_at_once(contest: Contest) -> None:
    for number in range(ROUNDS):
        submission = make_submission(contest, make_user(f"u{number}"))
        Host().must_claim()
        won, [other] = against(submission, functools.partial(cancel.cancel, submission))
        assert {won, other} == {True, False}
        assert consistent(submission) == "CANCELLED"
    whole = Turn.objects.get(contest=contest, contestant=0, pool=task_version_of(contest).pool)
    assert whole.finish < 60 * ROUNDS  # each turn was settled once


def test_cancel_and_the_sweep_of_a_dead_last_attempt(contest: Contest) -> None:
    for number in range(ROUNDS):
        submission = make_submission(contest, make_user(f"u{number}"))
        spec = Host().must_claim()
        long_ago = timezone.now() - 2 * lease.LAST_ATTEMPT_GRACE
        RunnerHost.objects.update(heard_from=long_ago)
        Job.objects.filter(pk=spec.job_id).update(attempt=3, lease_until=long_ago)
        won, _ = against(submission, lease.sweep)
        assert consistent(submission) == ("CANCELLED" if won else "INTERNAL_ERROR")
