"""Making a contest public, refused with every reason at once while something is missing.

A task must have passed a check (judge.checking) as it is now: whatever a check looks at makes `fingerprint`, and a
change of any of it makes earlier checks worthless.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contests import check_texts, rules
from contests.models import Check, Contest, StarterCode, Submission, TaskVersion
from metrics import catalogue
from metrics.scoring_spec import ScoringSpec
from runners.spec import Limits

# Kinds whose programs are tried on public samples before they meet hidden features.
_REHEARSED = frozenset({Submission.Kind.SCRIPT, Submission.Kind.NOTEBOOK})


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
        found.append(several_tasks())
    for version in versions:
        found.extend(task_problems(version))
    return found


def several_tasks() -> str:
    return _("A phase has several tasks. They would share one board; give each a phase of its own for now.")


def task_problems(version: TaskVersion) -> list[str]:
    """Why this version could not be judged by, and what its check says."""
    found = _settings_problems(version)
    check = check_problem(version)
    return [*found, check] if check else found


def _settings_problems(version: TaskVersion) -> list[str]:
    found: list[str] = []
    name = version.task.title
    found.extend(
        _("Task “%(task)s”: %(problem)s") % {"task": name, "problem": check_texts.sentence(finding)}
        for finding in _hidden_findings(version)
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
        if _output_mb(version) > settings.PODIUM_MAX_OUTPUT_MB:
            found.append(
                _("Task “%(task)s” allows more output than this site takes: at most %(limit)s MB.")
                % {"task": name, "limit": settings.PODIUM_MAX_OUTPUT_MB}
            )
    except (ValueError, TypeError) as error:
        found.append(_("Task “%(task)s” has unusable limits: %(reason)s") % {"task": name, "reason": error})
    return found


def _output_mb(version: TaskVersion) -> int:
    """The most output that any stage of this task allows. Raises ValueError or TypeError for unusable limits."""
    stages = [version.limits, *(version.limits | limits for limits in version.stage_limits.values())]
    return max(Limits.from_json(limits).output_mb for limits in stages)


def _hidden_findings(version: TaskVersion) -> list[dict[str, Any]]:
    """What keeps hidden features from being hidden, or programs from being tried without them."""
    hidden = {file.name: file.blob_id for file in version.hidden_files.all()}
    public = {file.name: file.blob_id for file in version.files.all()}
    if not hidden:
        return [] if version.test_features_public else [check_texts.finding("hidden_without_file")]
    found = [check_texts.finding("hidden_but_public")] if version.test_features_public else []
    if Submission.Kind.PREDICTIONS in version.kinds:
        found.append(check_texts.finding("hidden_predictions"))
    handed_out = {
        *public.values(),
        *StarterCode.objects.filter(contest__phases__tasks=version.task_id).values_list("blob_id", flat=True),
    }
    for name, blob in hidden.items():
        if blob in handed_out:
            found.append(check_texts.finding("hidden_is_public", file=name))
        if blob == version.solution_id:
            found.append(check_texts.finding("hidden_is_solution", file=name))
        if name not in public and _REHEARSED & set(version.kinds):
            found.append(check_texts.finding("hidden_without_sample", file=name))
    return found


def scoring_spec(version: TaskVersion) -> ScoringSpec:
    """What the scorer is told. Raises ValueError or TypeError for a task that could not be scored."""
    return ScoringSpec.from_json(_scoring(version))


def _scoring(version: TaskVersion) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "metric": version.metric,
        "params": version.metric_params,
        "id_column": version.id_column,
        "target_columns": version.target_columns,
    }
    if version.public_share is not None:
        fields |= {"public_share": version.public_share, "split_seed": version.split_seed}
    return fields


def check_plan(version: TaskVersion) -> dict[str, Any]:
    """check.json, what metrics.checker is told of a task. The settings are given as they are: it judges them too."""
    plan = {
        "scoring": _scoring(version),
        "files": sorted(file.name for file in version.files.all()),
        "takes_predictions": Submission.Kind.PREDICTIONS in version.kinds,
    }
    hidden = sorted(file.name for file in version.hidden_files.all())
    return plan | ({"hidden": hidden} if hidden else {})


def baselines(version: TaskVersion) -> list[StarterCode]:
    """The starter code that a check of this task hands in."""
    marked = StarterCode.objects.filter(contest__phases__tasks=version.task_id, baseline=True)
    return [
        starter
        for starter in marked.select_related("blob", "environment").order_by("position", "pk")
        if rules.kind_of(starter.name) in version.kinds
    ]


def settings_findings(version: TaskVersion) -> list[dict[str, Any]]:
    """What a check finds without reading a file."""
    found = []
    if not version.kinds:
        found.append(check_texts.finding("no_kinds"))
    found.extend(_hidden_findings(version))
    try:
        output_mb = _output_mb(version)
    except (ValueError, TypeError) as error:
        found.append(check_texts.finding("bad_limits", reason=str(error)))
    else:
        most = settings.PODIUM_MAX_OUTPUT_MB
        if output_mb > most:
            found.append(check_texts.finding("too_much_output", found=output_mb, limit=most))
    offered = {version.environment_id, *version.environments.values_list("pk", flat=True)}
    found.extend(
        check_texts.finding("baseline_environment", file=starter.name, environment=str(starter.environment))
        for starter in baselines(version)
        if starter.environment_id not in {None, *offered}
    )
    return found


def fingerprint(version: TaskVersion) -> str:
    """A digest of all that a check looks at: a check is worth something as long as this stays the same."""
    looked_at = {
        "plan": check_plan(version),
        "kinds": sorted(map(str, version.kinds)),
        "hidden": not version.test_features_public,
        "limits": version.limits,
        "environments": sorted({version.environment_id, *version.environments.values_list("pk", flat=True)}),
        "environment": version.environment_id,
        "scoring": version.scoring_environment_id,
        "solution": version.solution_id,
        "files": sorted(version.files.values_list("name", "blob_id")),
        "baselines": [(item.name, item.blob_id, item.environment_id) for item in baselines(version)],
    }
    # Named only where a task has them: what was checked before there were such things stays checked.
    if version.stage_limits:
        looked_at["stage_limits"] = version.stage_limits
    if hidden := sorted(version.hidden_files.values_list("name", "blob_id")):
        looked_at["hidden_files"] = hidden
    return hashlib.sha256(json.dumps(looked_at, sort_keys=True).encode()).hexdigest()


def latest_check(version: TaskVersion) -> Check | None:
    """The newest check of the task as it is now; one of an earlier state says nothing any more."""
    return version.checks.filter(digest=fingerprint(version)).first()


def check_problem(version: TaskVersion) -> str:
    """Why the checks of this task do not allow it to be published, in a sentence; "" when they do."""
    check = latest_check(version)
    if check is not None:
        sentence = _STATES[Check.Status(check.status)]
    elif version.checks.exists():
        sentence = gettext_lazy("Task “%(task)s” was changed after its last check. Check it again.")
    else:
        sentence = gettext_lazy("Task “%(task)s” was never checked.")
    return str(sentence) % {"task": version.task.title} if sentence else ""


_STATES = {
    Check.Status.GREEN: "",
    Check.Status.QUEUED: gettext_lazy("The check of task “%(task)s” has not ended yet."),
    Check.Status.RUNNING: gettext_lazy("The check of task “%(task)s” has not ended yet."),
    Check.Status.RED: gettext_lazy("The check of task “%(task)s” found mistakes."),
    Check.Status.FAILED: gettext_lazy(
        "The check of task “%(task)s” failed by a fault of this site. Check it again, or tell the operator."
    ),
}


@transaction.atomic
def publish(contest: Contest) -> None:
    """Show the contest to everybody. Raises CannotPublish."""
    # A task that is changed at the same moment (contests.tasks) waits, and then finds the contest published.
    Contest.objects.select_for_update(no_key=True).get(pk=contest.pk)
    messages = problems(contest)
    if messages:
        raise CannotPublish(messages)
    Contest.objects.filter(pk=contest.pk).update(published=True)
    contest.published = True


def hide(contest: Contest) -> None:
    """Show the contest to its organisers only. Nothing is deleted."""
    Contest.objects.filter(pk=contest.pk).update(published=False)
    contest.published = False
