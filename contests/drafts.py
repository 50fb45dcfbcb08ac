"""Which version of a task its organisers are working on."""

from __future__ import annotations

from contests.models import Task, TaskVersion


def edited(task: Task) -> TaskVersion | None:
    """The draft after the active version where there is one (contests.tasks), else the active version."""
    versions = task.versions.select_related("task__phase__contest", "solution", "environment", "pool")
    active = versions.filter(active=True).first()
    if active is None:
        return versions.order_by("number").last()
    return versions.filter(active=False, number__gt=active.number).order_by("number").last() or active


def is_draft(version: TaskVersion) -> bool:
    return not version.active
