"""The log of a run: kept as bytes by offset, shown as inert text.

A run of several stages has one log: that of its first stage, then that of the next, as far as they may be shown. Of a
program beside hidden features not a byte is kept, whatever its host sends.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import structlog
from django.db import transaction
from django.db.models import F

from contests.models import Submission
from judge import feed, lease, runs, specification, stages
from judge.logs_text import inert, whole
from judge.models import Job, LogChunk, Run
from runners.spec import JobKind

log = structlog.get_logger(__name__)
MAX_CHUNK = 64 * 1024
SLACK = 4096  # room for the shim's own marker line after the cap


@dataclasses.dataclass(frozen=True, slots=True)
class LogPart:
    """Text of the bytes [offset, end) of the current attempt's log; `complete` when no more will come.

    `gone`: something was printed, and is no longer kept (judge.retention).
    """

    offset: int
    text: str
    end: int
    complete: bool
    gone: bool = False


def append(job: Job, *, offset: int, data: bytes) -> int:
    """Keep a chunk that continues the log; returns how many bytes the site now has.

    A chunk sent twice is kept once; a gap is refused by answering where to continue. What must not be shown is
    acknowledged, so that its host does not send it for ever, and dropped.
    """
    if stages.withheld(job):
        log.warning("log of a withheld job dropped", job=str(job.pk), host=job.host, size=len(data))
        return offset + len(data)
    cap = specification.limits_of(job).log_kb * 1024 + SLACK
    with transaction.atomic():
        current = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        if (current.status, current.attempt) != (Job.Status.RUNNING, job.attempt):
            raise lease.Stale
        have = current.log_bytes
        fresh = data[have - offset :] if offset <= have else b""
        fresh = fresh[: max(0, cap - have)]
        if not fresh:
            # What lies beyond the cap is acknowledged and dropped, else the agent would send it for ever.
            return max(have, offset + len(data)) if have >= cap and offset <= have else have
        LogChunk.objects.create(job=job, attempt=job.attempt, offset=have, data=fresh)
        Job.objects.filter(pk=job.pk).update(log_bytes=F("log_bytes") + len(fresh))
        if job.run is not None and stages.is_program(job):  # our own programs' words are for operators
            place = _before(job, job.run) + have
            transaction.on_commit(functools.partial(feed.log_arrived, job.run.submission_id, place, fresh))
    return have + len(fresh)


def read(submission: Submission, after: int = 0, limit: int = 65_536) -> LogPart:
    """The log from byte `after` on, at most about `limit` bytes."""
    jobs = stages.shown(runs.current(submission))
    after = max(0, after)
    if not jobs:
        return LogPart(after, "", after, complete=True)
    data = b"".join(_pieces(jobs, after, limit))
    size = sum(job.log_bytes for job in jobs)
    # A stage that may follow has no job yet.
    ended = submission.is_terminal or (all(_ended(job) for job in jobs) and not _goes_on(jobs[-1]))
    if ended and size and not data and not LogChunk.objects.filter(job__in=jobs).exists():
        return LogPart(after, "", after, complete=True, gone=True)
    all_of_it = after + len(data) >= size and len(data) <= limit
    data = data if ended and all_of_it else whole(data[:limit])
    end = after + len(data)
    return LogPart(after, inert(data), end, complete=ended and end >= size)


def _pieces(jobs: list[Job], after: int, limit: int) -> Iterator[bytes]:
    """The bytes from `after` on, up to the end of the chunk that reaches `limit`."""
    begin, have = 0, 0
    for job in jobs:
        for chunk in LogChunk.objects.filter(job=job, attempt=job.attempt).order_by("offset").iterator():
            piece, place = bytes(chunk.data), begin + chunk.offset
            if place + len(piece) <= after:
                continue
            yield (found := piece[max(0, after - place) :])
            have += len(found)
            if have >= limit:
                return
        begin += job.log_bytes


def _before(job: Job, run: Run) -> int:
    """How much of the run's log lies before that of this job."""
    if job.kind != JobKind.PREDICT:
        return 0  # the others come first
    return Job.objects.filter(run=run, kind=JobKind.TRAIN).values_list("log_bytes", flat=True).first() or 0


def _ended(job: Job) -> bool:
    return job.status not in (Job.Status.QUEUED, Job.Status.RUNNING)


def _goes_on(job: Job) -> bool:
    """Whether the job of another stage whose log is shown may follow this one."""
    return job.kind == JobKind.TRAIN and job.run is not None and not job.run.task_version.hides_features
