"""Judging a submission again, under what its task says now.

Theory of operation. A rejudge is a new Run of the next generation. While it is under way the board keeps the
earlier score. When it ends SCORED, the new score counts; when it ends with another verdict on the contestant's work,
a ScoreEvent without value takes the earlier score away; when it was called back or failed by our fault, the earlier
result stands and the submission's summary is written back (judge.runs). It costs no quota.
"""

from __future__ import annotations

import functools

from django.db import transaction
from django.utils.translation import gettext as _

from contests.models import Phase, Submission, SubmissionQuerySet, TaskVersion
from judge import feed, results, runs, transitions
from judge.models import Run
from runners.verdict import Verdict


class CannotRejudge(Exception):
    """The submission is left as it is; `message` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@transaction.atomic
def rejudge(submission: Submission) -> Run:
    """Judge an ended submission again under the active version of its task. Raises CannotRejudge.

    Of several at once one succeeds; the others are told that the submission is being judged.
    """
    before = runs.latest(submission)
    if before is None:
        raise CannotRejudge("no_run", _("This submission was never judged."))
    transitions.lock_run(before.pk)
    # Read again under the lock: another rejudge may have been quicker.
    before = submission.runs.select_related("task_version").order_by("-generation").first()
    if before is None or before.status not in Submission.TERMINAL:
        raise CannotRejudge("under_way", _("This submission is being judged at the moment."))
    if not Submission.objects.get(pk=submission.pk).file_kept:
        raise CannotRejudge(
            "no_file", _("This submission was called back before it started; its file is gone.")
        )
    version = TaskVersion.objects.filter(task=before.task_version.task_id, active=True).first()
    if version is None:
        raise CannotRejudge("no_task", _("The task of this submission has no active version."))
    if results.scoring_pool() is None:
        raise CannotRejudge("no_scoring", _("Nothing can be scored: no runner pool is trusted with labels."))
    run = Run.objects.create(submission=submission, task_version=version, generation=before.generation + 1)
    results.queue_first(run)
    Submission.objects.filter(pk=submission.pk).update(
        status=Submission.Status.QUEUED, verdict="", finished_at=None
    )
    transaction.on_commit(functools.partial(feed.status_changed, submission.pk))
    return run


def to_rejudge(phase: Phase) -> SubmissionQuerySet:
    """All that has ended in a phase, but for trials and what its owner called back."""
    ended = Submission.objects.filter(phase=phase, trial=False, status__in=Submission.TERMINAL)
    return ended.exclude(verdict=Verdict.CANCELLED)


def rejudge_phase(phase: Phase) -> int:
    """Judge again all that `to_rejudge` finds, oldest first; how many that are."""
    count = 0
    for key in list(to_rejudge(phase).order_by("created_at", "pk").values_list("pk", flat=True)):
        try:
            rejudge(Submission.objects.get(pk=key))
        except CannotRejudge:
            continue
        count += 1
    return count
