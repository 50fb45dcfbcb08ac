"""Deleting what judging left of organisers' trials, before the trials themselves are deleted (contests.removal)."""

from __future__ import annotations

from django.db.models import QuerySet

from contests.models import Submission
from judge.models import Job, Run
from leaderboard.models import Score


def forget(trials: QuerySet[Submission]) -> None:
    """Delete runs, jobs, logs and scores. No board knows them."""
    Score.objects.filter(submission__in=trials).delete()
    Job.objects.filter(run__submission__in=trials).delete()
    Run.objects.filter(submission__in=trials).delete()
