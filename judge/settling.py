"""Ending a check: when its job and every baseline it handed in have ended, what they found decides.

Everything here happens under the lock of the Check row, which is taken after that of a run: of a last baseline and a
check job that end at the same moment, the second sees what the first wrote.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from contests import check_texts
from contests.models import Check, Submission
from judge.models import Job, Run
from runners.verdict import Verdict


def trial_ended(run: Run) -> None:
    """Look whether the check that handed in this run's submission has ended with it."""
    for pk in Check.objects.filter(trials=run.submission_id).values_list("pk", flat=True):
        settle(pk)


def check_of(job: Job) -> int:
    """The key of the check that a job without a run carries out."""
    if job.task_check_id is None:
        raise LookupError(f"job {job.pk} is about no check")
    return job.task_check_id


def settle(check_id: int) -> None:
    """End the check if nothing of it is under way any more."""
    check = Check.objects.select_for_update(no_key=True).get(pk=check_id)
    job = Job.objects.filter(task_check=check).first()
    trials = list(check.trials.order_by("created_at", "pk"))
    if check.status in Check.ENDED or job is None or job.status in (Job.Status.QUEUED, Job.Status.RUNNING):
        return
    if job.status != Job.Status.FINISHED:
        _end(check, Check.Status.FAILED, check.findings)
    elif all(trial.is_terminal for trial in trials):
        findings = [*check.findings, *(_failed(trial) for trial in trials if not _scored(trial))]
        _end(check, Check.Status.RED if findings else Check.Status.GREEN, findings)


def _end(check: Check, status: Check.Status, findings: list[dict[str, Any]]) -> None:
    Check.objects.filter(pk=check.pk).update(status=status, findings=findings, finished_at=timezone.now())


def _scored(trial: Submission) -> bool:
    return trial.verdict == Verdict.SCORED


def _failed(trial: Submission) -> dict[str, Any]:
    return check_texts.finding(f"baseline_{trial.verdict.lower()}", file=trial.filename)
