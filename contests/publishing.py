"""Making a contest public, refused with every reason at once while something is missing."""

from __future__ import annotations

from collections import Counter

from django.conf import settings
from django.utils.translation import gettext as _

from contests.models import Contest, TaskVersion
from metrics import catalogue
from metrics.scoring_spec import ScoringSpec
from runners.spec import Limits


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
    phases = Counter(version.task.phase_id for version in versions)
    if any(count > 1 for count in phases.values()):
        found.append(
            _("A phase has several tasks. They would share one board; give each a phase of its own for now.")
        )
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
    found.extend(_scoring_problems(version))
    if not version.kinds:
        found.append(_("Task “%(task)s” takes no kind of submission.") % {"task": name})
    if any(file.blob_id == version.solution_id for file in version.files.all()):
        found.append(_("Task “%(task)s” gives its solution away as a data file.") % {"task": name})
    return found


def _scoring_problems(version: TaskVersion) -> list[str]:
    name = version.task.title
    if version.metric not in catalogue.CATALOGUE:
        return [_("Task “%(task)s” has no known metric.") % {"task": name}]
    if not version.target_columns:
        return [_("Task “%(task)s” names no target column.") % {"task": name}]
    found = []
    try:
        scoring_spec(version)
    except (ValueError, TypeError) as error:
        found.append(
            _("Task “%(task)s” cannot be scored as it is defined: %(reason)s")
            % {"task": name, "reason": error}
        )
    try:
        limits = Limits.from_json(version.limits)
        if limits.output_mb > settings.PODIUM_MAX_OUTPUT_MB:
            found.append(
                _("Task “%(task)s” allows more output than this site takes: at most %(limit)s MB.")
                % {"task": name, "limit": settings.PODIUM_MAX_OUTPUT_MB}
            )
    except (ValueError, TypeError) as error:
        found.append(_("Task “%(task)s” has unusable limits: %(reason)s") % {"task": name, "reason": error})
    return found


def scoring_spec(version: TaskVersion) -> ScoringSpec:
    """What the scorer is told. Raises ValueError or TypeError for a task that could not be scored."""
    return ScoringSpec(
        metric=version.metric,
        params=version.metric_params,
        id_column=version.id_column,
        target_columns=tuple(version.target_columns),
    )


def publish(contest: Contest) -> None:
    """Show the contest to everybody. Raises CannotPublish."""
    messages = problems(contest)
    if messages:
        raise CannotPublish(messages)
    Contest.objects.filter(pk=contest.pk).update(published=True)
    contest.published = True
