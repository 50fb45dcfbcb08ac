"""What is still to do until a contest can be published, as five steps for the top of its page."""

from __future__ import annotations

import dataclasses

from django.utils.translation import gettext as _

from contests import drafts, publishing
from contests.models import Check, Contest, Phase, Task, TaskVersion


@dataclasses.dataclass(frozen=True, slots=True)
class TaskLine:
    phase: Phase
    version: TaskVersion | None
    check: Check | None


@dataclasses.dataclass(slots=True)
class Step:
    """`state` is "done", "now" (the first that is not) or "todo"."""

    name: str
    title: str
    done: bool
    state: str = "todo"


@dataclasses.dataclass(frozen=True, slots=True)
class Checklist:
    steps: list[Step]
    tasks: list[TaskLine]
    problems: list[str]


def of(contest: Contest) -> Checklist:
    tasks = _tasks(contest)
    phases = {line.phase.pk for line in tasks}
    problems = [] if contest.published else publishing.problems(contest)
    judged = [line for line in tasks if line.version is not None]
    steps = [
        Step("words", _("Words"), bool(contest.summary and contest.description)),
        Step("phase", _("Phase"), bool(phases)),
        Step("task", _("Task"), bool(tasks) and len(judged) == len(tasks)),
        Step("check", _("Check"), bool(judged) and all(_green(line.check) for line in judged)),
        Step("publish", _("Publish"), contest.published),
    ]
    for step in steps:
        step.state = "done" if step.done else "todo"
    for step in steps:
        if not step.done:
            step.state = "now"
            break
    return Checklist(steps, tasks, problems)


def _green(check: Check | None) -> bool:
    return check is not None and check.status == Check.Status.GREEN


def _tasks(contest: Contest) -> list[TaskLine]:
    """Every phase with its tasks, or with none."""
    versions: dict[int, list[TaskVersion]] = {}
    for version in TaskVersion.objects.filter(task__phase__contest=contest, active=True).select_related(
        "task__phase__contest"
    ):
        versions.setdefault(version.task.phase_id, []).append(version)
    drafted = Task.objects.filter(phase__contest=contest).exclude(versions__active=True)
    lines = []
    for phase in contest.phases.order_by("position"):
        found = versions.get(phase.pk, [])
        # In a published contest a new task is a draft at first.
        found += [edited for task in phase.tasks.filter(pk__in=drafted) if (edited := drafts.edited(task))]
        lines += [TaskLine(phase, version, publishing.latest_check(version)) for version in found]
        if not found:
            lines.append(TaskLine(phase, None, None))
    return lines
