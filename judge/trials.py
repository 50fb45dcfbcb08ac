"""An organiser's own try: judged like any submission, at no cost, on no board, also before the contest opens."""

from __future__ import annotations

import functools
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts.models import User
from compute.models import Environment
from contests import blobs, rules
from contests.models import Blob, Contest, Participation, Submission, TaskVersion, Team
from judge import feed, intake, results
from judge.models import Run


class NotTaken(Exception):
    """The file is of no kind that the task takes."""


@transaction.atomic
def try_out(
    *, user: User, version: TaskVersion, blob: Blob, filename: str, environment: Environment | None = None
) -> Submission:
    """Hand a stored file in as a trial. That the user organises the contest the caller has asked. Raises NotTaken."""
    kind = rules.kind_of(filename)
    if kind is None or kind not in version.kinds:
        raise NotTaken(filename)
    phase = version.task.phase
    submission = Submission.objects.create(
        contest=phase.contest,
        phase=phase,
        team=_team(user, phase.contest),
        user=user,
        kind=kind,
        filename=rules.safe_filename(filename),
        blob=blob,
        environment=environment or version.environment,
        trial=True,
    )
    results.queue_first(Run.objects.create(submission=submission, task_version=version))
    transaction.on_commit(functools.partial(feed.status_changed, submission.pk))
    return submission


def hand_in(
    *, user: User, version: TaskVersion, file: UploadedFile[Any], environment: str | None = None
) -> Submission:
    """Hand an uploaded file in as a trial, held to the same rules as a contestant's. Raises intake.Rejected."""
    filename = rules.safe_filename(file.name or "")
    kind = intake.taken_kind(version, filename)
    chosen = intake.chosen_environment(version, environment)
    if results.scoring_pool() is None:
        raise intake.no_scoring()
    kept = intake.stored(file, version, kind)
    with transaction.atomic():
        blob = blobs.record(*kept)
        return try_out(user=user, version=version, blob=blob, filename=filename, environment=chosen)


def _team(user: User, contest: Contest) -> Team:
    """The organiser's own team where they take part; otherwise one that stands nowhere but in their trials."""
    place = Participation.objects.filter(user=user, contest=contest).select_related("team").first()
    if place is not None:
        return place.team
    earlier = Submission.objects.filter(user=user, contest=contest, trial=True).select_related("team").first()
    return (
        earlier.team
        if earlier is not None
        else Team.objects.create(contest=contest, name=user.public_name[:60])
    )
