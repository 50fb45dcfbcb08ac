"""A contest once more: its words, phases, tasks and starter code, hidden, without people and submissions."""

from __future__ import annotations

from typing import TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.models import User
from contests import drafts
from contests.models import Contest, DataFile, HiddenFile, Phase, Task, TaskVersion

Row = TypeVar("Row", bound=Model)


@transaction.atomic
def copy_contest(contest: Contest, *, who: User, slug: str = "", title: str = "") -> Contest:
    """The copy, organised by `who` alone. Its files are the same blobs; its tasks have to be checked anew."""
    copied = _unsaved(Contest.objects.get(pk=contest.pk))
    copied.slug = slug or _free_slug(contest.slug)
    copied.title = title or (_("Copy of %(title)s") % {"title": contest.title})[:120]
    copied.published = False
    copied.invite_code = ""
    copied.save()
    copied.organisers.set([who])
    for phase in contest.phases.order_by("position"):
        _copy_phase(phase, copied)
    for starter in contest.starters.all():
        twin = _unsaved(starter)
        twin.contest = copied
        twin.save()
    return copied


def _unsaved(row: Row) -> Row:
    """The row as one that is still to be written, by Django's documented way to copy."""
    row.pk = None
    row._state.adding = True  # noqa: SLF001
    return row


def _free_slug(slug: str) -> str:
    taken = set(Contest.objects.filter(slug__startswith=slug[:50]).values_list("slug", flat=True))
    number = 2
    while f"{slug[:50]}-{number}" in taken:
        number += 1
    return f"{slug[:50]}-{number}"


def _copy_phase(phase: Phase, contest: Contest) -> None:
    copied = _unsaved(Phase.objects.get(pk=phase.pk))
    copied.contest = contest
    copied.save()
    for task in phase.tasks.order_by("position"):
        version = drafts.edited(task)
        if version is not None:
            _copy_version(
                version,
                Task.objects.create(phase=copied, slug=task.slug, title=task.title, position=task.position),
            )


def _copy_version(version: TaskVersion, task: Task) -> None:
    copied = _unsaved(TaskVersion.objects.get(pk=version.pk))
    copied.task, copied.number, copied.active = task, 1, True
    copied.save()
    copied.environments.set(version.environments.all())
    DataFile.objects.bulk_create(
        DataFile(task_version=copied, name=file.name, blob_id=file.blob_id) for file in version.files.all()
    )
    HiddenFile.objects.bulk_create(
        HiddenFile(task_version=copied, name=file.name, blob_id=file.blob_id)
        for file in version.hidden_files.all()
    )
