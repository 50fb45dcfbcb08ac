"""Making a contest public, refused with every reason at once while something is missing."""

from __future__ import annotations

from django.utils.translation import gettext as _

from contests.models import Contest, TaskVersion
from metrics import catalogue


class CannotPublish(Exception):
    """The contest stays hidden; `messages` says everything that is missing."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages))
        self.messages = messages


def problems(contest: Contest) -> list[str]:
    """Why this contest cannot be published yet, in sentences."""
    found = []
    versions = list(
        TaskVersion.objects.filter(task__phase__contest=contest, active=True).prefetch_related("files")
    )
    if not versions:
        found.append(_("The contest has no task."))
    for version in versions:
        found.extend(_task_problems(version))
    return found


def _task_problems(version: TaskVersion) -> list[str]:
    found = []
    name = version.task.title
    if not version.test_features_public:
        found.append(
            _(
                "Task “%(task)s” has hidden test features. Podium cannot run those safely yet: make them public."
            )
            % {"task": name}
        )
    if version.metric not in catalogue.CATALOGUE:
        found.append(_("Task “%(task)s” has no known metric.") % {"task": name})
    if not version.target_columns:
        found.append(_("Task “%(task)s” names no target column.") % {"task": name})
    if not version.kinds:
        found.append(_("Task “%(task)s” takes no kind of submission.") % {"task": name})
    if any(file.blob_id == version.solution_id for file in version.files.all()):
        found.append(_("Task “%(task)s” gives its solution away as a data file.") % {"task": name})
    return found


def publish(contest: Contest) -> None:
    """Show the contest to everybody. Raises CannotPublish."""
    messages = problems(contest)
    if messages:
        raise CannotPublish(messages)
    Contest.objects.filter(pk=contest.pk).update(published=True)
    contest.published = True
