"""The one place where a Job changes its status, and where the summaries of its Run and Submission follow.

Each change is an UPDATE guarded by (status, attempt) whose row count is looked at: two who try at once cannot both
succeed. Every function here must run inside the caller's transaction.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from contests.models import Check, Submission
from judge import fairness, feed, runs, settling
from judge.models import Job, Run
from runners.spec import JobKind
from runners.verdict import Verdict

Status = Submission.Status
LIVE = (Job.Status.QUEUED, Job.Status.RUNNING)


def lock_run(run_id: int) -> None:
    """Take the lock under which everything about a run changes. Always first: so two can never wait for each other."""
    Run.objects.select_for_update(no_key=True).filter(pk=run_id).values_list("pk").get()


def lock(job: Job) -> None:
    """Lock what a job is about: its run, or the check that it carries out."""
    if job.run_id is None:
        Check.objects.select_for_update(no_key=True).filter(pk=settling.check_of(job)).values_list("pk").get()
    else:
        lock_run(job.run_id)


def move(job: Job, to: Job.Status, **changes: Any) -> bool:
    """Move a job from the state it was read in. False when somebody else was first; then nothing is changed."""
    lock(job)
    moved = Job.objects.filter(pk=job.pk, status=job.status, attempt=job.attempt).update(status=to, **changes)
    if moved == 1:
        if job.status == Job.Status.RUNNING:
            fairness.settle(job, seconds=_taken(job, to))
        job.status = to
        for field, value in changes.items():
            setattr(job, field, value)
    return moved == 1


def _taken(job: Job, to: Job.Status) -> float:
    """How long the attempt had its slot. One that is queued again is our fault, and took nobody's turn."""
    if to == Job.Status.QUEUED or job.claimed_at is None:
        return 0.0
    return max(0.0, (timezone.now() - job.claimed_at).total_seconds())


def summarise(run: Run, *, status: str, **changes: Any) -> None:
    """Write a run's state, and with it the submission's summary; tell the owner's page after commit."""
    Run.objects.filter(pk=run.pk).update(status=status, **changes)
    shown = {key: value for key, value in changes.items() if key in {"verdict", "finished_at"}}
    Submission.objects.filter(pk=run.submission_id).update(status=status, **shown)
    transaction.on_commit(lambda: feed.status_changed(run.submission_id))


def under_way(job: Job, now: datetime.datetime) -> None:
    if job.run is None:
        Check.objects.filter(pk=settling.check_of(job)).update(status=Check.Status.RUNNING)
    elif job.kind == JobKind.SCORE:
        summarise(job.run, status=Status.SCORING, started_at=job.run.started_at or now)
    else:
        summarise(job.run, status=Status.RUNNING, started_at=job.run.started_at or now)


def back_in_queue(job: Job) -> None:
    if job.run is None:
        Check.objects.filter(pk=settling.check_of(job)).update(status=Check.Status.QUEUED)
        return
    summarise(job.run, status=Status.SCORING if job.kind == JobKind.SCORE else Status.QUEUED)


def conclude(run: Run, verdict: Verdict, now: datetime.datetime, **changes: Any) -> None:
    """End a run with a verdict. INTERNAL_ERROR is FAILED, CANCELLED is CANCELLED, all else is FINISHED.

    What the end of a rejudge means for the submission's summary and its boards is decided in judge.runs.
    """
    status = {Verdict.INTERNAL_ERROR: Status.FAILED, Verdict.CANCELLED: Status.CANCELLED}.get(
        verdict, Status.FINISHED
    )
    summarise(run, status=status, verdict=verdict.value, finished_at=now, **changes)
    if run.generation > 1 and verdict is not Verdict.SCORED and runs.after_rejudge(run):
        transaction.on_commit(feed.boards_moved)
    settling.trial_ended(run)
