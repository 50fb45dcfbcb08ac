"""Deleting a contest or a task, allowed only while nobody but its organisers has handed anything in.

The contest is locked before anything of it, as by whoever changes a task (contests.tasks) or starts a check of one
(judge.checking): else the two would wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from contests.models import Contest, Submission, Task, Team

# Rooms above add how they forget what they keep about organisers' trials (judge.apps).
forget_trials: list[Callable[[QuerySet[Submission]], None]] = []


class InUse(Exception):
    """Nothing was deleted; `message` says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@transaction.atomic
def remove_contest(contest: Contest) -> None:
    """Delete a contest with its phases, tasks, checks and trials. Raises InUse."""
    Contest.objects.select_for_update().get(pk=contest.pk)
    _remove_trials(Submission.objects.filter(contest=contest))
    contest.delete()


@transaction.atomic
def remove_task(task: Task) -> None:
    """Delete a task with its versions, checks and trials. Raises InUse."""
    Contest.objects.select_for_update().get(pk=task.phase.contest_id)
    _remove_trials(Submission.objects.filter(runs__task_version__task=task))
    task.delete()


def hindrance(submissions: QuerySet[Submission]) -> str:
    """Why what these were handed in to cannot be deleted, in a sentence; "" when it can."""
    if submissions.filter(trial=False).exists():
        return _("People have handed in to it: their submissions and scores stay. Hide the contest instead.")
    if submissions.exclude(status__in=Submission.TERMINAL).exists():
        return _("A check or a trial is still under way. Wait until it has ended.")
    return ""


def _remove_trials(submissions: QuerySet[Submission]) -> None:
    why = hindrance(submissions)
    if why:
        raise InUse(why)
    trials = Submission.objects.filter(pk__in=list(submissions.values_list("pk", flat=True)))
    teams = list(trials.values_list("team_id", flat=True))
    for forget in forget_trials:
        forget(trials)
    trials.delete()
    # Made for an organiser's trials; a team that takes part, or handed in elsewhere, stays.
    Team.objects.filter(Q(pk__in=teams), participations=None, submissions=None).delete()
