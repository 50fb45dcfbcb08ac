"""Making and changing a task. Whatever is wrong with it is said at once, field by field, before anything is written.

A version that somebody handed in to is never changed: the change makes the next version, with copies of its files, so
no score changes behind anybody's back. While a contest is published not even that is enough, for a version that cannot
be judged by would break it: there the next version stays a draft, invisible to contestants, until `activate` finds its
check green. Every verb here returns the version that holds the change.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify
from django.utils.translation import gettext as _

from compute.models import Environment, Pool
from contests import publishing, task_fields
from contests.models import Blob, Contest, DataFile, HiddenFile, Phase, Task, TaskVersion, default_limits

# What a version pins, but for its files and the environments it offers.
FIELDS = (
    "kinds",
    "metric",
    "metric_params",
    "id_column",
    "target_columns",
    "test_features_public",
    "limits",
    "stage_limits",
    "hidden_replies",
    "pool",
    "environment",
    "scoring_environment",
    "solution",
    "public_share",
    "split_seed",
)
_DEFAULTS: dict[str, Any] = {
    "kinds": ["predictions", "script"],
    "metric_params": {},
    "id_column": "id",
    "target_columns": ["target"],
    "test_features_public": True,
    "stage_limits": {},
    "hidden_replies": 5,
    "public_share": None,
    "split_seed": 0,
}


class InvalidTask(Exception):
    """Nothing was changed; `messages` says what is wrong, as (field, sentence)."""

    def __init__(self, messages: list[tuple[str, str]]) -> None:
        super().__init__(" ".join(sentence for _field, sentence in messages))
        self.messages = messages


@transaction.atomic
def create_task(
    phase: Phase, *, title: str, slug: str = "", environments: list[Environment] | None = None, **fields: Any
) -> TaskVersion:
    """A phase's new task with its first, active version. `fields` are FIELDS, `metric` and `solution` at least.

    Left out, the pool is the first that is not trusted with labels, the environments are the newest of their names.
    In a published contest it is a draft until `activate` finds its check green. Raises InvalidTask.
    """
    _only_fields(fields)
    # Publishing (contests.publishing) takes this lock too: no unchecked task slips in beside it.
    published = Contest.objects.select_for_update(no_key=True).get(pk=phase.contest_id).published
    given = _DEFAULTS | {"limits": default_limits()} | _places() | fields
    slug = slug or slugify(title)[:60] or "task"
    messages = _task_mistakes(phase, title, slug) + _missing(given)
    if not messages:
        messages = task_fields.mistakes(given)
    if messages:
        raise InvalidTask(messages)
    position = (phase.tasks.aggregate(last=Max("position"))["last"] or 0) + 1
    task = Task.objects.create(phase=phase, slug=slug, title=title, position=position)
    version = TaskVersion.objects.create(task=task, active=not published, **given)
    version.environments.set(environments or [version.environment])
    return version


def _only_fields(fields: dict[str, Any]) -> None:
    if unknown := set(fields) - set(FIELDS):
        raise TypeError(f"a task has no {', '.join(sorted(unknown))}")


def _places() -> dict[str, Any]:
    """Where a task runs and is scored, unless somebody says otherwise."""

    def newest(name: str) -> Environment | None:
        return Environment.objects.filter(name=name).order_by("-created_at", "-pk").first()

    pools = Pool.objects.filter(trusted=False).order_by("pk")
    return {"pool": pools.first(), "environment": newest("python"), "scoring_environment": newest("scoring")}


def _task_mistakes(phase: Phase, title: str, slug: str) -> list[tuple[str, str]]:
    found = []
    if not 0 < len(title.strip()) <= 120:  # noqa: PLR2004 - the column's length
        found.append(("title", _("Give the task a title of 1 to 120 characters.")))
    if slug != slugify(slug) or len(slug) > 60:  # noqa: PLR2004 - the column's length
        found.append(("slug", _("Use lower-case letters, digits and dashes.")))
    elif phase.tasks.filter(slug=slug).exists():
        found.append(("slug", _("This phase has a task of that name already.")))
    return found


def _missing(given: dict[str, Any]) -> list[tuple[str, str]]:
    sentences = {
        "metric": _("Choose a metric."),
        "solution": _("A task needs a solution file."),
        "pool": _("No runner pool for contestants' programs is open; ask the operator."),
        "environment": _("No environment is registered; ask the operator."),
        "scoring_environment": _("No environment for scoring is registered; ask the operator."),
    }
    return [(field, sentence) for field, sentence in sentences.items() if not given.get(field)]


@transaction.atomic
def revise(
    version: TaskVersion, *, environments: list[Environment] | None = None, **changes: Any
) -> TaskVersion:
    """Change fields of a version, or make the next one of it where it may not be changed. Raises InvalidTask."""
    _only_fields(changes)
    target = _changeable(version)
    given = {field: getattr(target, field) for field in FIELDS} | changes
    if messages := _missing(given) or task_fields.mistakes(given):
        raise InvalidTask(messages)  # what _changeable has written goes back with the transaction
    for field, value in changes.items():
        setattr(target, field, value)
    target.save(update_fields=[*changes])
    if environments is not None:
        target.environments.set(environments)
    return target


def _locked(task_id: int) -> Task:
    """The task under its contest's lock, which publishing, removing and changing all take first."""
    Contest.objects.select_for_update(no_key=True).filter(phases__tasks=task_id).get()
    return Task.objects.select_related("phase__contest").get(pk=task_id)


def _changeable(version: TaskVersion) -> TaskVersion:
    """The version that takes a change to `version`: itself, the draft after it, or a new one."""
    task = _locked(version.task_id)
    published = task.phase.contest.published
    used = version.runs.filter(submission__trial=False).exists()
    if not used and not (published and version.active):
        return version
    draft = task.versions.filter(number__gt=version.number, active=False, runs=None).order_by("number").last()
    if draft is not None:
        return draft
    return _next(version, task, active=not published)


def _next(version: TaskVersion, task: Task, *, active: bool) -> TaskVersion:
    number = (task.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    if active:
        task.versions.update(active=False)
    copied = TaskVersion.objects.create(
        task=task, number=number, active=active, **{field: getattr(version, field) for field in FIELDS}
    )
    copied.environments.set(version.environments.all())
    DataFile.objects.bulk_create(
        DataFile(task_version=copied, name=file.name, blob_id=file.blob_id) for file in version.files.all()
    )
    HiddenFile.objects.bulk_create(
        HiddenFile(task_version=copied, name=file.name, blob_id=file.blob_id)
        for file in version.hidden_files.all()
    )
    return copied


@transaction.atomic
def set_file(version: TaskVersion, name: str, blob: Blob) -> TaskVersion:
    """Add a public data file, or replace the one of that name. Raises InvalidTask."""
    target = _changeable(version)
    messages = task_fields.file_mistakes(name, list(target.files.values_list("name", flat=True)))
    if blob.sha256 == target.solution_id:
        messages.append(("blob", _("This is the solution; it must not be a public file.")))
    if target.hidden_files.filter(blob=blob).exists():
        messages.append(("blob", _("This is a hidden file; it must not be a public file.")))
    if messages:
        raise InvalidTask(messages)
    DataFile.objects.update_or_create(task_version=target, name=name, defaults={"blob": blob})
    return target


@transaction.atomic
def remove_file(version: TaskVersion, name: str) -> TaskVersion:
    """Remove a public data file; one that is not there is no mistake."""
    target = _changeable(version)
    target.files.filter(name=name).delete()
    return target


@transaction.atomic
def set_hidden_file(version: TaskVersion, name: str, blob: Blob) -> TaskVersion:
    """Add a file of hidden features, or replace the one of that name; from then on they are hidden. Raises InvalidTask.

    Programs find it in /input in place of the public file of that name, in a run whose log is withheld.
    """
    target = _changeable(version)
    messages = task_fields.file_mistakes(name, list(target.hidden_files.values_list("name", flat=True)))
    if blob.sha256 == target.solution_id:
        messages.append(("blob", _("This is the solution; contestants' programs must not see it.")))
    if target.files.filter(blob=blob).exists():
        messages.append(("blob", _("This file is public already; it cannot be hidden.")))
    if messages:
        raise InvalidTask(messages)
    HiddenFile.objects.update_or_create(task_version=target, name=name, defaults={"blob": blob})
    _say_whether_public(target)
    return target


@transaction.atomic
def remove_hidden_file(version: TaskVersion, name: str) -> TaskVersion:
    """Remove a hidden file; one that is not there is no mistake. Without the last one the test features are public."""
    target = _changeable(version)
    target.hidden_files.filter(name=name).delete()
    _say_whether_public(target)
    return target


def _say_whether_public(version: TaskVersion) -> None:
    """Of a version that may be changed."""
    version.test_features_public = not version.hidden_files.exists()
    version.save(update_fields=["test_features_public"])


def set_solution(version: TaskVersion, blob: Blob) -> TaskVersion:
    """Replace the solution. What is scored stays so until it is judged again. Raises InvalidTask."""
    if version.files.filter(blob=blob).exists():
        raise InvalidTask([("solution", _("This file is public already; it cannot be the solution."))])
    if version.hidden_files.filter(blob=blob).exists():
        raise InvalidTask(
            [("solution", _("Contestants' programs see this file; it cannot be the solution."))]
        )
    return revise(version, solution=blob)


@transaction.atomic
def activate(version: TaskVersion) -> None:
    """Judge new submissions by this version. In a published contest it must be green, or CannotPublish is raised."""
    task = _locked(version.task_id)
    if task.phase.contest.published and (messages := _hindrances(task, version)):
        raise publishing.CannotPublish(messages)
    task.versions.exclude(pk=version.pk).update(active=False)
    TaskVersion.objects.filter(pk=version.pk).update(active=True)
    version.active = True


def _hindrances(task: Task, version: TaskVersion) -> list[str]:
    others = TaskVersion.objects.filter(task__phase=task.phase_id, active=True).exclude(task=task)
    crowded = [publishing.several_tasks()] if others.exists() else []
    return [*crowded, *publishing.task_problems(version)]
