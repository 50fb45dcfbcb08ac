"""Leases: claiming a job, keeping it, giving it back, and sweeping up after the dead.

Theory of operation. A claim is one conditional UPDATE: it succeeds for one agent, raises `attempt` and writes the
digest of a new fencing token. Every later word about the attempt carries that token. A lease that runs out makes
the job claimable, but only the next claim kills the old token: when the site was away for an hour, an agent that
comes back within its attempt carries on. The clock decides who may try, the token decides who counts.

A token has an end of its own all the same, far beyond any outage worth waiting for: the claim, what the job's limits
allow, and a week. No heartbeat moves it. Whoever finds one on an old disk, or keeps a job for ever by saying that it
lives, is then refused; the lease runs out, and the job is another host's.

A host that gave a job back does not get it again for a while (`lease_until` of a queued job says until when), but any
other host does at once: one whose disk is full for a minute does not use up a job's three attempts within that minute.
A job one of whose files is missing here is set aside for all hosts (`host` is empty), at the cost of an attempt.
"""

from __future__ import annotations

import contextlib
import datetime
import time
import uuid

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from structlog.contextvars import bind_contextvars

from accounts import tokens
from compute import pools
from compute.models import Environment, Pool
from judge import bell, clock, fairness, feed, settling, specification, transitions
from judge.models import Job
from judge.turns import Served
from runners.spec import JobSpec
from runners.verdict import Verdict

log = structlog.get_logger(__name__)
CANDIDATES = 8  # how many of the fairest jobs a claim tries when others are claiming too
# The last attempt is not declared dead by an outage of the site: its agent gets this much longer to come back, and as
# long again after hosts are heard once more.
LAST_ATTEMPT_GRACE = datetime.timedelta(minutes=5)
# A job's token is good for so long beyond its wall limit: inputs, results, and outages of the site between them.
TOKEN_GRACE = datetime.timedelta(days=7)
# How long a job rests before the host that gave it back may have it again: shares of a lease, by attempts lost.
REST = (0.25, 1.0)
# How long a job is set aside that cannot be handed out because a file of it is missing, by attempts lost.
ASIDE = (datetime.timedelta(minutes=1), datetime.timedelta(minutes=30))
# So long one claim goes on setting jobs aside; the rest is the next one's, for which the sweep rings.
ASIDE_WITHIN_S = 2.0
# What a job is about: a run or a check.
SUBJECT = ("run__submission__contest", "run__task_version", "task_check__task_version")


class Stale(Exception):
    """The token is not that of the job's current attempt, or the job has ended."""


class Expired(Stale):
    """The token is that of the current attempt, and its time is over."""

    def __init__(self, ended: datetime.datetime) -> None:
        super().__init__(ended)
        self.ended = ended


def claim(
    *, pool: Pool, host: str, environments: list[str], free: int = 0, usable: int = 0
) -> JobSpec | None:
    """Lease the fairest job that this host can run, or None. Safe to call from many hosts at once.

    Of its `usable` GPUs `free` are free, and stay so until it has the answer.
    """
    if pool.held or pools.drains(pool, host):
        return None
    until = time.monotonic() + ASIDE_WITHIN_S
    while True:
        spec, set_aside = _look(pool=pool, host=host, environments=environments, free=free, usable=usable)
        if spec is not None or not set_aside or time.monotonic() > until:
            return spec


def _look(
    *, pool: Pool, host: str, environments: list[str], free: int, usable: int
) -> tuple[JobSpec | None, bool]:
    """A job, or whether some were set aside: they stood before others, and do no longer."""
    now = clock.now()
    ready = list(Environment.objects.filter(pools.told_by(environments)).values_list("pk", flat=True))
    jobs = Job.objects.filter(fairness.claimable(now), pool=pool, environment__in=ready)
    jobs = jobs.exclude(status=Job.Status.QUEUED, host__in=(host, ""), lease_until__gt=now)
    jobs = fairness.fitting(jobs, free=free, usable=usable, now=now)
    line = fairness.line(jobs, pool.pk, now)
    unreadable: OSError | None = None
    set_aside = False
    for job in line.first(CANDIDATES):
        try:
            spec = _take(job, line.served, host=host, now=now)
        except (ValueError, TypeError, LookupError, specification.Forbidden) as error:
            # What the organiser defined cannot be judged. It must not stand in the way of other contests' jobs.
            _fail_undefined(job, f"This job cannot be specified: {error}")
            continue
        except OSError as error:
            # A file of ours is away, or there is no room for one: the job waits, and no other waits behind it.
            log.exception("job cannot be handed out", job=str(job.pk))
            if isinstance(error, FileNotFoundError):
                _set_aside(job, f"A file of this job is missing: {error}", now)
                set_aside = True
            else:
                unreadable = error
            continue
        if spec is not None:
            return spec, set_aside
    if unreadable is not None:
        raise unreadable
    return None, set_aside


def _take(job: Job, served: Served, *, host: str, now: datetime.datetime) -> JobSpec | None:
    specification.prepare(job)
    lost = job.status == Job.Status.RUNNING  # by another host: its turn was charged then
    token = tokens.fresh("job")
    with transaction.atomic():
        transitions.lock(job)
        # Status, attempt and lease as they were read: whoever changed one of them meanwhile was first.
        unchanged = Job.objects.filter(
            pk=job.pk, status=job.status, attempt=job.attempt, lease_until=job.lease_until
        )
        changed = unchanged.update(
            status=Job.Status.RUNNING,
            attempt=F("attempt") + 1,
            token_digest=tokens.digest(token),
            lease_until=now + datetime.timedelta(seconds=settings.PODIUM_LEASE_S),
            host=host,
            claimed_at=now,
            log_bytes=0,
            usage={},
        )
        if changed != 1:
            return None  # another host was first
        job = Job.objects.select_related(*SUBJECT, "pool", "environment", "predictions", "model").get(
            pk=job.pk
        )
        transitions.under_way(job, now)
        transaction.on_commit(lambda: feed.queue_moved(job.pool_id))
        spec = specification.build(job, token=token)
        if not lost:
            fairness.charge(job, served)
        return spec


def _set_aside(job: Job, reason: str, now: datetime.datetime) -> None:
    """The file may come back, from a backup or with its disk. After as many tries as a job has the fault stays ours."""
    lost = job.attempt + 1 - job.pardoned
    with contextlib.suppress(Stale), transaction.atomic():  # else somebody else had it already
        if job.status == Job.Status.RUNNING:
            _still_dead(job)
        if lost >= settings.PODIUM_MAX_ATTEMPTS:
            _fail(job, reason)
            return
        until = now + ASIDE[min(lost, len(ASIDE)) - 1]
        more = {"attempt": job.attempt + 1, "host": "", "lease_until": until, "token_digest": ""}
        if transitions.move(job, Job.Status.QUEUED, error=reason, **more):
            transitions.back_in_queue(job)


def _fail_undefined(job: Job, reason: str) -> None:
    log.error("job cannot be specified", job=str(job.pk), reason=reason)
    try:
        with transaction.atomic():
            _fail(job, reason)
    except Stale:
        log.info("somebody else had it already", job=str(job.pk))


def held(*, job_id: uuid.UUID, token: str, attempt: int | None = None) -> Job:
    """The running job this token is the current fence of. Raises Stale, Expired."""
    job = (
        Job.objects.select_related(*SUBJECT, "pool", "environment")
        .filter(pk=job_id, token_digest=tokens.digest(token))
        .first()
    )
    if job is None or job.status != Job.Status.RUNNING or attempt not in {None, job.attempt}:
        raise Stale
    if clock.now() >= (end := token_end(job)):
        raise Expired(end)
    subject = {"submission": str(job.run.submission_id)} if job.run is not None else {}
    bind_contextvars(job=str(job.pk), attempt=job.attempt, run=job.run_id, **subject)
    return job


def token_end(job: Job) -> datetime.datetime:
    """When the token of this attempt stops opening anything, whatever was heard of it meanwhile."""
    began = job.claimed_at or job.queued_at
    return began + datetime.timedelta(seconds=specification.limits_of(job).wall_s) + TOKEN_GRACE


def was_cancelled(*, job_id: uuid.UUID, token: str) -> bool:
    return Job.objects.filter(
        pk=job_id, token_digest=tokens.digest(token), status=Job.Status.CANCELLED
    ).exists()


def extend(job: Job, *, usage: dict[str, float]) -> None:
    """A sign of life. Raises Stale when the job was taken or ended meanwhile."""
    until = clock.now() + datetime.timedelta(seconds=settings.PODIUM_LEASE_S)
    kept = Job.objects.filter(
        pk=job.pk, status=Job.Status.RUNNING, attempt=job.attempt, token_digest=job.token_digest
    ).update(lease_until=until, **({"usage": usage} if usage else {}))
    if kept != 1:
        raise Stale


@transaction.atomic
def give_back(job: Job, *, reason: str, stopped: bool = False) -> None:
    """Our fault: queue the job again, or after the last attempt fail it. Raises Stale.

    An agent that was `stopped` on purpose says nothing about the job: such an attempt is not held against it.
    """
    log.warning("attempt given back", job=str(job.pk), attempt=job.attempt, reason=reason)
    pardoned = job.pardoned + int(stopped)
    if job.attempt >= settings.PODIUM_MAX_ATTEMPTS + pardoned:
        _fail(job, reason)
        return
    resting = None if stopped else _rest(job.attempt - pardoned)
    if not transitions.move(
        job,
        Job.Status.QUEUED,
        lease_until=resting,
        error=reason,
        token_digest="",
        pardoned=pardoned,
        usage={},
    ):
        raise Stale
    transitions.back_in_queue(job)
    bell.ring_after_commit(job.pool)


def _rest(lost: int) -> datetime.datetime:
    share = REST[min(max(lost, 1), len(REST)) - 1]
    return clock.now() + datetime.timedelta(seconds=settings.PODIUM_LEASE_S * share)


def _fail(job: Job, reason: str) -> None:
    now = clock.now()
    if not transitions.move(job, Job.Status.FAILED, error=reason, finished_at=now):
        raise Stale
    if job.run is None:
        settling.settle(settling.check_of(job))
    else:
        transitions.conclude(job.run, Verdict.INTERNAL_ERROR, now)
    transaction.on_commit(lambda: feed.queue_moved(job.pool_id))


def _still_dead(job: Job) -> None:
    """Raises Stale for a lease that was extended since it was read; until the transaction ends it cannot be."""
    transitions.lock(job)  # before the job's, as everywhere
    unchanged = Job.objects.select_for_update(no_key=True).filter(pk=job.pk, lease_until=job.lease_until)
    if unchanged.values_list("pk").first() is None:
        raise Stale


def _dead(now: datetime.datetime) -> list[Job]:
    """The jobs whose last attempt is over for good: nobody came back with it, and hosts have been heard for a while.

    While no host of any pool is heard, the site may be what is away: all that they ran would come back and find itself
    ended. So nothing ends where none ever comes back; nothing else is judged there either.
    """
    dead = Job.objects.select_related("run", "pool").filter(
        status=Job.Status.RUNNING,
        attempt__gte=settings.PODIUM_MAX_ATTEMPTS + F("pardoned"),
        lease_until__lt=now - LAST_ATTEMPT_GRACE,
    )
    found = list(dead)
    since = pools.listening_since() if found else None
    return found if since is not None and since <= now - LAST_ATTEMPT_GRACE else []


def sweep() -> int:
    """End the jobs whose last attempt died, and ring for whatever can be claimed. Returns how many were ended."""
    now = clock.now()
    ended = 0
    for job in _dead(now):
        try:
            with transaction.atomic():
                _still_dead(job)
                _fail(job, "The lease of the last attempt ran out.")
        except Stale:
            continue  # its agent came back in this moment
        ended += 1
    for pool in Pool.objects.order_by("slug"):
        if Job.objects.filter(fairness.claimable(now), pool=pool).exists():
            bell.ring(pool.slug)
    return ended
