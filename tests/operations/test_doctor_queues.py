"""The doctor tells of queues that stand still because somebody holds them."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from judge import own_queue
from judge.models import HeldQueue, Job
from operations.doctor.examining import EXAMINATIONS
from tests.builders import make_contest, make_submission, make_user

pytestmark = pytest.mark.django_db
LONG_AGO = dt.timedelta(hours=2)


def test_jobs_that_wait_because_their_organisers_hold_them() -> None:
    look = EXAMINATIONS["held queues"]
    contest = make_contest("digits")
    make_submission(contest, make_user("alice"))
    Job.objects.update(queued_at=timezone.now() - LONG_AGO)
    own_queue.hold(contest, by=None)
    assert list(look()) == []  # held just now
    HeldQueue.objects.update(since=timezone.now() - LONG_AGO)
    (finding,) = look()
    assert (finding.code, finding.subject, finding.repair) == ("held_queue", "contest digits", None)
    assert "1 jobs wait" in finding.what
    own_queue.release(contest, by=None)
    assert list(look()) == []
