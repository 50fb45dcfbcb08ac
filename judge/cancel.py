"""Calling a submission back, at any state. It ends at once here; the agent hears of it at its next heartbeat."""

from __future__ import annotations

import functools
from typing import Any

from django.db import transaction
from django.utils import timezone

from contests.models import Submission
from judge import feed, transitions, usage
from judge.models import Job, Run
from runners.verdict import Verdict


@transaction.atomic
def cancel(submission: Submission) -> bool:
    """End the submission as CANCELLED. False when it had ended already: its verdict stands.

    Calling a rejudge back keeps what was found before (judge.runs).
    """
    run = (
        Run.objects.select_for_update(no_key=True)
        .filter(submission=submission)
        .order_by("-generation")
        .first()
    )
    if run is None or run.status in Submission.TERMINAL:
        return False
    now = timezone.now()
    ended = False
    used: dict[str, Any] = {}
    for job in Job.objects.filter(run=run, status__in=transitions.LIVE):
        if transitions.move(job, Job.Status.CANCELLED, finished_at=now):
            ended = True
            used |= usage.added(run, usage.of_cancelled(job))
            transaction.on_commit(functools.partial(feed.queue_moved, job.pool_id))
    if ended:
        transitions.conclude(run, Verdict.CANCELLED, now, **used)
    return ended
