"""Checking a task before contestants meet it: the real validator on the real files, and the baselines judged for real.

Theory of operation. A Check has one Job of kind CHECK, which goes to the pool that is trusted with labels and runs
metrics.checker in a sandbox, and a trial submission for every baseline. What can be seen without the files is found
here, at the start. Whichever of the job and the trials ends last ends the check (judge.settling).
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from contests import publishing
from contests.models import Check, Contest, TaskVersion
from judge import bell, results, trials
from judge.models import Job
from runners.spec import JobKind


class CannotCheck(Exception):
    """Nothing was started; `message` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class NotGreen(Exception):
    """A check done elsewhere found mistakes; `findings` lists them."""

    def __init__(self, findings: list[dict[str, Any]]) -> None:
        super().__init__("\n".join(str(finding["message"]) for finding in findings))
        self.findings = findings


@transaction.atomic
def start(version: TaskVersion, user: User) -> Check:
    """Start a check of a task as it is now; one that is under way already is returned. Raises CannotCheck."""
    pool = results.scoring_pool()
    if pool is None:
        raise CannotCheck("no_scoring", _("Nothing can be checked: no runner pool is trusted with labels."))
    # The contest first: its key is what new rows ask for as they are committed, and who deletes the task holds that.
    contest = version.task.phase.contest_id
    Contest.objects.select_for_update(no_key=True).filter(pk=contest).values_list("pk").first()
    # Read as it is now; and two starts at once see each other here.
    found = TaskVersion.objects.select_for_update(no_key=True).filter(pk=version.pk).first()
    if found is None:
        raise CannotCheck("no_task", _("This task has been deleted."))
    version = found
    under_way = publishing.latest_check(version)
    if under_way is not None and under_way.status not in Check.ENDED:
        return under_way
    check = Check.objects.create(
        task_version=version,
        started_by=user,
        digest=publishing.fingerprint(version),
        findings=publishing.settings_findings(version),
    )
    Job.objects.create(
        kind=JobKind.CHECK,
        task_check=check,
        pool=pool,
        contest_id=version.task.phase.contest_id,
        contestant=-user.pk,
        environment=version.scoring_environment,
    )
    bell.ring_after_commit(pool)
    _hand_in_baselines(check, version, user)
    return check


def _hand_in_baselines(check: Check, version: TaskVersion, user: User) -> None:
    """Those for environments that the task does not offer are findings already (publishing.settings_findings)."""
    offered = {version.environment_id, *version.environments.values_list("pk", flat=True)}
    for starter in publishing.baselines(version):
        environment = starter.environment or version.environment
        if environment.pk in offered:
            check.trials.add(
                trials.try_out(
                    user=user,
                    version=version,
                    blob=starter.blob,
                    filename=starter.name,
                    environment=environment,
                )
            )


def record_passed(version: TaskVersion, result: dict[str, Any], user: User | None = None) -> Check:
    """Keep a check that metrics.checker did elsewhere, as the demo does with files of our own. Raises NotGreen."""
    findings = [*publishing.settings_findings(version), *result["findings"]]
    if findings:
        raise NotGreen(findings)
    return Check.objects.create(
        task_version=version,
        started_by=user,
        status=Check.Status.GREEN,
        digest=publishing.fingerprint(version),
        notes=result["notes"],
        rows=result["rows"],
        finished_at=timezone.now(),
    )
