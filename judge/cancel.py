"""Calling a submission back, at any state. It ends at once here; the agent hears of it at its next heartbeat."""

from __future__ import annotations

import functools
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contests import access, blobs, unnamed
from contests.models import Submission
from judge import feed, runs, transitions, usage
from judge.models import Job, Run
from runners.verdict import Verdict


class NotTheirs(Exception):
    """A rejudge is its organisers'; `message` says so."""

    def __init__(self) -> None:
        self.message = _("The organisers are judging this submission again. Only they can stop that.")
        super().__init__(self.message)


def may(user: object, submission: Submission) -> bool:
    """Whether the person may call back what waits or runs of a submission that they may see.

    Calling a rejudge back keeps what was found before: a contestant would keep a score that is about to be corrected.
    """
    return _may(user, submission, runs.latest(submission))


def _may(user: object, submission: Submission, run: Run | None) -> bool:
    return run is None or run.generation == 1 or access.organises(user, submission.contest)


def cancel(submission: Submission, *, by: object = None) -> bool:
    """End the submission as CANCELLED. False when it had ended already: its verdict stands.

    Calling a rejudge back keeps what was found before (judge.runs). What contestants call back before it has started
    costs nothing, so its file goes at once: whoever handed in and called back all day would fill the disk. Raises
    NotTheirs where a person is named (`by`) who may not.
    """
    ended = _cancel(submission, by)
    if ended and by is not None and not access.organises(by, submission.contest):
        _give_up_file(submission)
    return ended


@transaction.atomic
def _cancel(submission: Submission, by: object) -> bool:
    run = (
        Run.objects.select_for_update(no_key=True)
        .filter(submission=submission)
        .order_by("-generation")
        .first()
    )
    if run is None or run.status in Submission.TERMINAL:
        return False
    if by is not None and not _may(by, submission, run):
        raise NotTheirs
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


def _give_up_file(submission: Submission) -> None:
    """Replace the file of what never started by none. It stays, and counts, where that cannot be done now."""
    # Once nothing refers to it, others may delete its row.
    file, size = submission.blob_id, submission.blob.size
    try:
        blobs.store_bytes(b"")
    except OSError:
        return
    with transaction.atomic():
        never = Run.objects.select_for_update(no_key=True).filter(
            submission=submission, generation=1, verdict=Verdict.CANCELLED.value, started_at=None
        )
        rejudged = submission.runs.filter(generation__gt=1).exists()
        if submission.trial or rejudged or not never.values_list("pk").first():
            return
        Job.objects.filter(run__submission=submission).update(predictions=None)
        Submission.objects.filter(pk=submission.pk).update(blob=blobs.store_bytes(b""))
    unnamed.discard(file, size)
