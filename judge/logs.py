"""The log of a run: kept as bytes by offset, shown as inert text."""

from __future__ import annotations

import dataclasses
import functools

from django.db import transaction
from django.db.models import F

from contests.models import Submission
from judge import feed, lease, runs, specification
from judge.logs_text import inert, whole
from judge.models import Job, LogChunk
from runners.spec import JobKind

MAX_CHUNK = 64 * 1024
SLACK = 4096  # room for the shim's own marker line after the cap


@dataclasses.dataclass(frozen=True, slots=True)
class LogPart:
    """Text of the bytes [offset, end) of the current attempt's log; `complete` when no more will come."""

    offset: int
    text: str
    end: int
    complete: bool


def append(job: Job, *, offset: int, data: bytes) -> int:
    """Keep a chunk that continues the log; returns how many bytes the site now has.

    A chunk sent twice is kept once; a gap is refused by answering where to continue.
    """
    cap = specification.limits_of(job).log_kb * 1024 + SLACK
    with transaction.atomic():
        current = Job.objects.select_for_update().get(pk=job.pk)
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
        if job.run is not None and job.kind == JobKind.RUN:  # our own programs' words are for operators
            transaction.on_commit(functools.partial(feed.log_arrived, job.run.submission_id, have, fresh))
    return have + len(fresh)


def read(submission: Submission, after: int = 0, limit: int = 65_536) -> LogPart:
    """The log from byte `after` on, at most about `limit` bytes."""
    job = Job.objects.filter(run=runs.current(submission), kind=JobKind.RUN).first()
    if job is None:
        return LogPart(after, "", after, complete=True)
    after = max(0, after)
    data, start = b"", after
    for chunk in LogChunk.objects.filter(job=job, attempt=job.attempt).order_by("offset").iterator():
        piece = bytes(chunk.data)
        if chunk.offset + len(piece) <= after:
            continue
        data += piece[max(0, after - chunk.offset) :]
        if len(data) >= limit:
            break
    ended = job.status not in (Job.Status.QUEUED, Job.Status.RUNNING)
    all_of_it = start + len(data) >= job.log_bytes and len(data) <= limit
    data = data if ended and all_of_it else whole(data[:limit])
    end = start + len(data)
    return LogPart(start, inert(data), end, complete=ended and end >= job.log_bytes)
