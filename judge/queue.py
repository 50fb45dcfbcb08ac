"""Where a submission stands in its queue, and why it waits."""

from __future__ import annotations

import dataclasses
import uuid

from django.utils import timezone

from compute import pools
from contests.models import Submission
from judge import fairness
from judge.models import Job


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """No live host of the pool has the environment yet."""

    environment: str
    hosts: int
    percent: int | None
    step: str
    error: str


def queued_job(submission: Submission) -> Job | None:
    return (
        Job.objects.filter(run__submission=submission, status=Job.Status.QUEUED)
        .select_related("pool", "environment")
        .first()
    )


def position(submission: Submission) -> int | None:
    """1 for the job that is claimed next; None when the submission is not waiting."""
    job = queued_job(submission)
    if job is None:
        return None
    places = order(job.pool_id)
    return places.index(submission.pk) + 1 if submission.pk in places else None


def order(pool_id: int, limit: int | None = None) -> list[uuid.UUID]:
    """The submissions waiting in a pool, the next one first; the first `limit` of them."""
    now = timezone.now()
    jobs = Job.objects.filter(fairness.claimable(now), pool_id=pool_id)
    return list(fairness.in_fair_order(jobs, now).values_list("run__submission_id", flat=True)[:limit])


def waiting(submission: Submission) -> Waiting | None:
    job = queued_job(submission)
    if job is None:
        return None
    state = pools.readiness(pool=job.pool, environment=job.environment)
    if state.ready:
        return None
    return Waiting(job.environment.name, state.hosts, state.percent, state.step, state.error)
