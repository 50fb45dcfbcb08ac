"""What the judge tells open pages, after commit: a submission's own page, the places in a queue, the publisher.

Nothing here may fail a request: pages that miss an event find out by its version and fetch the truth.
"""

from __future__ import annotations

import functools
import uuid
from typing import Any

from django.conf import settings

from contests.models import Submission
from judge import logs_text, pacing, queue, runs, stages
from judge.forecast import Range
from judge.models import Job
from leaderboard.wake import wake
from live import tokens
from live.breaker import BROKER
from live.publish import Publisher

TOKEN_TTL_S = 12 * 3600
POSITIONS_TOLD = 50  # how many of those who wait in a pool are told their new place


@functools.cache
def _publisher() -> Publisher:
    return Publisher.from_url(settings.REDIS_URL, BROKER)


def topic_of(submission_id: uuid.UUID) -> str:
    return f"submission.{submission_id}"


def topic(submission: Submission) -> str:
    return topic_of(submission.pk)


def token(submission: Submission) -> str:
    """Opens the submission's private topic for its owner's page."""
    return tokens.sign(settings.SECRET_KEY, topic(submission), TOKEN_TTL_S)


def state(submission: Submission) -> dict[str, Any]:
    """The `status` event's data; never a private score."""
    waiting, place = queue.waiting(submission), queue.place(submission)
    return {
        "status": submission.status,
        "stage": stages.under_way(runs.latest(submission)) or None,
        "verdict": submission.verdict or None,
        "public_score": submission.public_score,
        "queue_position": place.number if place else None,
        "queue_estimate": _seconds(place.starts if place else None),
        "waiting_for": None
        if waiting is None
        else {
            "environment": waiting.environment,
            "percent": waiting.percent,
            "step": waiting.step,
            "gpus": waiting.gpus,
            "held": waiting.held,
            "by_organisers": waiting.by_organisers,
            "file_away": waiting.file_away,
        },
    }


def status_changed(submission_id: uuid.UUID) -> None:
    submission = Submission.objects.filter(pk=submission_id).first()
    if submission is not None:
        _publisher().publish_next(topic(submission), "status", state(submission))


def queue_moved(pool_id: int) -> None:
    """Tell the first who wait in this pool where they stand now; when it was done just now, in a second."""
    if pacing.may_tell(pool_id):
        tell_places(pool_id)


def tell_places(pool_id: int) -> None:
    order = queue.order(pool_id, POSITIONS_TOLD)
    starts = queue.starts(pool_id, list(range(1, 1 + len(order)))) if order else None
    for index, submission_id in enumerate(order):
        if submission_id is None:
            continue
        told = {"queue_position": index + 1, "queue_estimate": _seconds(starts[index] if starts else None)}
        if not _publisher().publish_next(topic_of(submission_id), "position", told):
            return  # the broker is down; one failed try is enough


def pool_changed(pool_id: int) -> None:
    """Tell the first who wait in this pool that it is held, released, or lost or got back a host."""
    for submission_id in queue.order(pool_id, POSITIONS_TOLD):
        if submission_id is not None:
            status_changed(submission_id)


def contest_held(contest_id: int) -> None:
    """Tell the first who wait in a contest that its organisers hold its queue, or have released it."""
    queued = Job.objects.filter(contest=contest_id, status=Job.Status.QUEUED, run__isnull=False)
    waiting = queued.order_by("queued_at").values_list("run__submission_id", flat=True)
    for submission_id in waiting[:POSITIONS_TOLD]:
        status_changed(submission_id)


def _seconds(starts: Range | None) -> list[int] | None:
    return None if starts is None else [round(starts.low), round(starts.high)]


def log_arrived(submission_id: uuid.UUID, offset: int, data: bytes) -> None:
    whole = logs_text.whole(data)
    _publisher().publish_next(
        topic_of(submission_id),
        "log",
        {"offset": offset, "end": offset + len(whole), "text": logs_text.inert(whole)},
    )


def usage_grew(submission_id: uuid.UUID, attempt: int, samples: list[list[float | None]]) -> None:
    """New points of the run's usage curve; their first field is their number."""
    _publisher().publish_next(topic_of(submission_id), "usage", {"attempt": attempt, "samples": samples})


def boards_moved() -> None:
    wake(settings.REDIS_URL)
