"""Where a submission stands in its queue, when it may start, and why it waits."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from statistics import fmean

from django.db.models import Q
from django.utils import timezone

from compute import pools
from compute.models import Pool
from contests.models import Check, Submission
from judge import fairness
from judge.forecast import Outlook, Range, most_at_once, ranges
from judge.models import HeldQueue, Job

LATELY = datetime.timedelta(hours=1)
SAMPLE = 200  # how many of the last runs say how long one lasts


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """No live host of the pool has the environment yet, or with it as many GPUs as the job needs."""

    environment: str
    hosts: int
    percent: int | None
    step: str
    error: str
    gpus: int = 0  # what is needed, where that many are missing
    held: bool = False  # an operator holds the pool, or
    by_organisers: bool = False  # the contest's organisers hold its queue
    file_away: bool = False  # a file of it is missing, and it was set aside for a while (judge.lease)


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """1 for the job that is claimed next. `starts` is None where that cannot be told."""

    number: int
    starts: Range | None


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


def place(submission: Submission) -> Place | None:
    """Where the submission stands and when it may start; None when it is not waiting."""
    job = queued_job(submission)
    if job is None:
        return None
    number = line(job.pool_id, beside=job).place(job)
    if number is None:
        return None
    found = None if _waiting(job) else starts(job.pool_id, [number])
    return Place(number, found[0] if found else None)


def starts(pool_id: int, numbers: list[int]) -> list[Range] | None:
    """When the jobs in these places of a pool may start."""
    return None if Pool.objects.filter(pk=pool_id, held=True).exists() else ranges(outlook(pool_id), numbers)


def outlook(pool_id: int) -> Outlook:
    """What judge.forecast has to know of a pool."""
    now = timezone.now()
    jobs, lately = Job.objects.filter(pool=pool_id), now - LATELY
    ended = jobs.filter(finished_at__lte=now).exclude(claimed_at=None).order_by("-finished_at")
    spans = [
        ((begin - now).total_seconds(), (end - now).total_seconds())
        for begin, end in ended.values_list("claimed_at", "finished_at")[:SAMPLE]
        if begin and end
    ]
    since = jobs.filter(status=Job.Status.RUNNING).values_list("claimed_at", flat=True)
    running = [(now - begin).total_seconds() for begin in since if begin]
    lasted = [end - begin for begin, end in spans]
    recent = [span for span in spans if span[1] >= -LATELY.total_seconds()]
    slots = max(1, len(running), most_at_once([*recent, *((-so_far, 0.0) for so_far in running)]))
    waiting = jobs.filter(status=Job.Status.QUEUED, queued_at__gte=lately).count()
    came = waiting + len(running) + ended.filter(finished_at__gte=lately).count()
    taken = came * fmean(lasted) / (slots * LATELY.total_seconds()) if lasted else 0.0
    return Outlook(lasted, running, slots, taken)


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
    if job.pool.held:
        return Waiting(job.environment.name, 0, None, "", "", held=True)
    if HeldQueue.objects.filter(pk=job.contest_id).exists():
        return Waiting(job.environment.name, 0, None, "", "", held=True, by_organisers=True)
    if not job.host and job.lease_until is not None and job.lease_until > timezone.now():
        return Waiting(job.environment.name, 0, None, "", "", file_away=True)
    state = pools.readiness(pool=job.pool, environment=job.environment, gpus=job.gpus)
    if state.ready:
        return None
    gpus = job.gpus if state.lacks_devices else 0
    return Waiting(job.environment.name, state.hosts, state.percent, state.step, state.error, gpus)
