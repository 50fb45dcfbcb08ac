"""Jobs, runs, checks and summaries that do not fit together."""

from __future__ import annotations

import datetime
import functools
import uuid
from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from compute import pools
from compute.models import Pool
from contests.models import Check, Submission
from judge import lease, results, runs, settling, transitions
from judge.models import HeldQueue, Job, Run
from leaderboard.models import Score
from operations.doctor.finding import Finding
from runners.verdict import Verdict

# A sweep comes every 15 seconds; what is overdue for so long shows that none comes.
OVERDUE = datetime.timedelta(minutes=10)
WAITS_LONG = datetime.timedelta(hours=1)
MOVED_LATELY = datetime.timedelta(minutes=1)  # between two statements of a transaction that we cannot see
_LIVE_JOB = Exists(Job.objects.filter(run=OuterRef("pk"), status__in=transitions.LIVE))
_LIVE_CHECK_JOB = Exists(Job.objects.filter(task_check=OuterRef("pk"), status__in=transitions.LIVE))


def overdue_jobs() -> Iterator[Finding]:
    """Running jobs whose host fell silent long ago.

    After an outage of the site all did, and come back with what they ran: nothing is taken from them before hosts have
    been heard for a while.
    """
    since = pools.listening_since()
    listened = since is not None and since <= timezone.now() - OVERDUE
    late = Job.objects.filter(status=Job.Status.RUNNING, lease_until__lt=timezone.now() - OVERDUE)
    for job in late.order_by("lease_until"):
        last = job.attempt >= settings.PODIUM_MAX_ATTEMPTS + job.pardoned
        yield Finding(
            "overdue_job",
            f"job {job.pk}",
            f"its host {job.host or '?'} fell silent at {job.lease_until:%Y-%m-%d %H:%M} UTC, attempt {job.attempt}",
            _what_of_overdue(listened=listened, last=last),
            functools.partial(_sweep, job.pk) if listened else None,
        )


def _what_of_overdue(*, listened: bool, last: bool) -> str:
    if not listened:
        return (
            f"No host has been heard for {OVERDUE.seconds // 60} minutes without a pause, so this one may be about to "
            "come back with its run. Start the site and its hosts, and look again then."
        )
    after = "ends it as INTERNAL_ERROR." if last else "rings for another host."
    return f"The judge worker or beat does not run: look at their logs. Mended by a sweep, which {after}"


def _sweep(job_id: uuid.UUID) -> None:
    """Give the job back as its host would, which also ends it after its last attempt."""
    lease.sweep()
    job = (
        Job.objects.select_related("run", "pool", "task_check")
        .filter(pk=job_id, status=Job.Status.RUNNING)
        .first()
    )
    if job is not None and job.lease_until is not None and job.lease_until < timezone.now() - OVERDUE:
        lease.give_back(job, reason="Its host fell silent; given back by manage.py doctor.")


def waiting_jobs() -> Iterator[Finding]:
    """Pools whose jobs wait although no host takes any."""
    long_ago = timezone.now() - WAITS_LONG
    for pool in Pool.objects.order_by("slug"):
        waiting = Job.objects.filter(pool=pool, status=Job.Status.QUEUED, queued_at__lt=long_ago).count()
        if waiting and (pool.held or not pools.live_hosts(pool.pk)):
            why = "the pool is held" if pool.held else "no host of the pool was heard in two minutes"
            what = "Release it in the admin." if pool.held else "Start its runner hosts; see /runners/."
            yield Finding(
                "waiting_pool", f"pool {pool.slug}", f"{waiting} jobs wait for over an hour: {why}", what
            )


def held_queues() -> Iterator[Finding]:
    """Contests whose submissions wait for long because their organisers hold them."""
    long_ago = timezone.now() - WAITS_LONG
    for held in HeldQueue.objects.select_related("contest").filter(since__lt=long_ago).order_by("since"):
        waiting = Job.objects.filter(
            contest=held.contest, status=Job.Status.QUEUED, queued_at__lt=long_ago
        ).count()
        if waiting:
            yield Finding(
                "held_queue",
                f"contest {held.contest.slug}",
                f"{waiting} jobs wait for over an hour: its organisers hold its queue since "
                f"{held.since:%Y-%m-%d %H:%M} UTC",
                "Ask them, or release it on the contest's page in the admin.",
            )


def stuck_runs() -> Iterator[Finding]:
    """Runs that are not over and have no job that could end them."""
    stuck = Run.objects.exclude(status__in=Submission.TERMINAL).exclude(_LIVE_JOB)
    for run in stuck.filter(submission__created_at__lt=timezone.now() - MOVED_LATELY):
        none_yet = not run.jobs.exists()
        yield Finding(
            "stuck_run",
            f"run {run.pk} of submission {run.submission_id}",
            f"it is {run.status} and has no job that waits or runs",
            "Mended by queueing its first job."
            if none_yet
            else "Mended by ending it as INTERNAL_ERROR, which is free.",
            functools.partial(_unstick, run.pk),
        )


@transaction.atomic
def _unstick(run_id: int) -> None:
    transitions.lock_run(run_id)
    run = (
        Run.objects.exclude(_LIVE_JOB)
        .select_related("submission__blob", "task_version")
        .filter(pk=run_id)
        .first()
    )
    if run is None or run.status in Submission.TERMINAL:
        return
    if run.jobs.exists():
        transitions.conclude(run, Verdict.INTERNAL_ERROR, timezone.now())
    else:
        results.queue_first(run)


def jobs_of_ended_runs() -> Iterator[Finding]:
    """Jobs that wait or run for a run that is over."""
    for job in Job.objects.filter(status__in=transitions.LIVE, run__status__in=Submission.TERMINAL):
        yield Finding(
            "needless_job",
            f"job {job.pk}",
            f"it is {job.status}, and its run is over",
            "Mended by cancelling it.",
            functools.partial(_cancel, job.pk),
        )


@transaction.atomic
def _cancel(job_id: uuid.UUID) -> None:
    job = Job.objects.select_related("run", "pool").get(pk=job_id)
    if job.status in transitions.LIVE:
        transitions.move(job, Job.Status.CANCELLED, finished_at=timezone.now(), lease_until=None)


def wrong_summaries() -> Iterator[Finding]:
    """Submissions whose status, verdict or scores are not those of the run that counts."""
    submissions = Submission.objects.prefetch_related("runs", "scores").order_by("pk")
    for submission in submissions.iterator(chunk_size=500):
        if (told := _difference(submission)) is not None:
            yield Finding(
                "wrong_summary",
                f"submission {submission.pk}",
                f"it says {told[0]}, its run and scores say {told[1]}",
                "Mended by writing the summary anew.",
                functools.partial(_summarise, submission.pk),
            )


def _difference(submission: Submission) -> tuple[str, str] | None:
    wanted = _summary(submission)
    if wanted is None:
        return None
    is_now = {name: getattr(submission, name) for name in wanted}
    return None if is_now == wanted else (str(is_now), str(wanted))


def _summary(submission: Submission) -> dict[str, object] | None:
    """What the submission's fields must be; None while it is judged, or was never."""
    latest, counts = runs.latest(submission), runs.current(submission)
    if latest is None or counts is None or latest.status not in Submission.TERMINAL:
        return None
    score: Score | None = max(submission.scores.all(), key=_generation, default=None)
    scored = counts.verdict == Verdict.SCORED and score is not None
    return {
        "status": counts.status,
        "verdict": counts.verdict,
        "public_score": score.public if scored and score is not None else None,
        "private_score": score.private if scored and score is not None else None,
    }


def _generation(score: Score) -> int:
    return score.generation


@transaction.atomic
def _summarise(submission_id: uuid.UUID) -> None:
    run = Run.objects.filter(submission_id=submission_id).order_by("-generation").first()
    if run is not None:
        transitions.lock_run(run.pk)
    submission = Submission.objects.prefetch_related("runs", "scores").get(pk=submission_id)
    wanted = _summary(submission)
    if wanted is not None:
        Submission.objects.filter(pk=submission_id).update(**wanted)


def stuck_checks() -> Iterator[Finding]:
    """Checks of tasks that are not over and have nothing under way."""
    for check in Check.objects.exclude(status__in=Check.ENDED).exclude(_LIVE_CHECK_JOB):
        if check.created_at > timezone.now() - MOVED_LATELY:
            continue
        if check.trials.exclude(status__in=Submission.TERMINAL).exists():
            continue
        yield Finding(
            "stuck_check",
            f"check {check.pk} of {check.task_version}",
            f"it is {check.status}, and nothing of it waits or runs",
            "Mended by ending it; the organiser can check again.",
            functools.partial(_end_check, check.pk),
        )


@transaction.atomic
def _end_check(check_id: int) -> None:
    settling.settle(check_id)
    # One without a job was never really begun.
    Check.objects.filter(pk=check_id).exclude(status__in=Check.ENDED).exclude(_LIVE_CHECK_JOB).update(
        status=Check.Status.FAILED, finished_at=timezone.now()
    )
