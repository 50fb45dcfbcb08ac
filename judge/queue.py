"""Where a submission stands in its queue, and why it waits."""

from __future__ import annotations

import dataclasses
import uuid

from django.db.models import Q
from django.utils import timezone

from compute import pools
from contests.models import Check, Submission
from judge import fairness
from judge.models import Job


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """No live host of the pool has the environment yet, or with it as many GPUs as the job needs."""

    environment: str
    hosts: int
    percent: int | None
    step: str
    error: str
    gpus: int = 0  # what is needed, where that many are missing


def queued_job(submission: Submission) -> Job | None:
    return (
        Job.objects.filter(run__submission=submission, status=Job.Status.QUEUED)
        .select_related("pool", "environment")
        .first()
    )


def position(submission: Submission) -> int | None:
    """1 for the job that is claimed next; None when the submission is not waiting.

    Jobs whose environment or GPUs no host has stand in nobody's way and are not counted before others.
    """
    job = queued_job(submission)
    return None if job is None else line(job.pool_id, beside=job).place(job)


def order(pool_id: int, count: int, *, beside: Job | None = None) -> list[uuid.UUID | None]:
    """The next `count` submissions that can run, or wait `beside` a job for the same as it does.

    None stands for an organiser's check: it takes a place like the others.
    """
    return [job.run.submission_id if job.run else None for job in line(pool_id, beside=beside).first(count)]


def line(pool_id: int, *, beside: Job | None = None) -> fairness.Line:
    """What can run in a pool, or waits `beside` a job for the same as it does."""
    now = timezone.now()
    environments, gpus = set(pools.ready_environments(pool_id)), pools.most_devices(pool_id)
    if beside is not None:
        environments, gpus = environments | {beside.environment_id}, max(gpus, beside.gpus)
    jobs = Job.objects.filter(
        fairness.claimable(now), pool_id=pool_id, environment__in=environments, gpus__lte=gpus
    )
    return fairness.line(jobs.select_related("run"), pool_id, now)


def waiting(submission: Submission) -> Waiting | None:
    job = queued_job(submission)
    return None if job is None else _waiting(job)


def check_waits_for(check: Check) -> list[Waiting]:
    """Why its job or its baselines cannot start, each environment once."""
    jobs = Job.objects.filter(
        Q(task_check=check) | Q(run__submission__in=check.trials.all()), status=Job.Status.QUEUED
    ).select_related("pool", "environment")
    found = [why for job in jobs.order_by("pk") if (why := _waiting(job))]
    return list({why.environment: why for why in found}.values())


def _waiting(job: Job) -> Waiting | None:
    state = pools.readiness(pool=job.pool, environment=job.environment, gpus=job.gpus)
    if state.ready:
        return None
    gpus = job.gpus if state.lacks_devices else 0
    return Waiting(job.environment.name, state.hosts, state.percent, state.step, state.error, gpus)
