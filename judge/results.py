"""Finishing an attempt: facts in, verdict out, and a score counted at most once.

Everything one finish changes is one transaction behind one guarded UPDATE of the job, so a repeated or late
finish changes nothing. A contestant's fault is data here; a fault of ours gives the job back.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from typing import Any

from django.db import transaction
from django.utils import timezone

from compute.models import Pool
from contests import blobs
from contests.models import Blob, Check, Submission
from judge import (
    bell,
    feed,
    lease,
    notebooks,
    settling,
    specification,
    stages,
    transitions,
    usage,
    withholding,
)
from judge.models import Job, JobUpload, Run, RunFile
from leaderboard import boards
from runners.spec import RESULT_FILE, RESULT_MAX_BYTES, JobKind, OutputFile
from runners.usage import UsagePoint
from runners.verdict import RunFacts, Verdict, decide

MAX_ERRORS = 20


class Malformed(Exception):
    """The agent's words do not fit together; nothing was changed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What an agent says at the end of an attempt."""

    facts: RunFacts
    files: tuple[OutputFile, ...]
    stages: dict[str, float]
    samples: tuple[UsagePoint, ...] = ()  # those of the usage curve that no heartbeat has carried


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """What the scorer found: two finite scores, or the errors of an invalid file."""

    public: float = 0.0
    private: float = 0.0
    feedback: dict[str, Any] = dataclasses.field(default_factory=dict)
    errors: tuple[dict[str, Any], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """What metrics.checker found in a task."""

    findings: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    rows: dict[str, int]


def keep_upload(job: Job, blob_sha256: str, size: int) -> None:
    """Remember bytes that this attempt has sent. Raises Stale when the attempt ended meanwhile."""
    with transaction.atomic():
        lease.extend(job, usage={})
        JobUpload.objects.get_or_create(job=job, attempt=job.attempt, blob=blobs.record(blob_sha256, size))


def finish(job: Job, report: Report) -> None:
    """End an attempt. Raises Stale for a second or late finish, Malformed for a report that names unsent files."""
    uploads = _uploads(job, report.files)
    if job.run is None:
        checked = _read_check(_result(report, uploads))
        _not_judged(job, report) if checked is None else _finish_check(job, report, checked)
    elif job.kind == JobKind.SCORE:
        judged = _read_result(_result(report, uploads))
        _not_judged(job, report) if judged is None else _finish_score(job, job.run, report, judged)
    else:
        _finish_program(job, report, uploads)


def _result(report: Report, uploads: dict[str, Blob]) -> Blob | None:
    """What a program of ours left, when it ended well."""
    return uploads.get(RESULT_FILE) if decide(report.facts) is None else None


def _not_judged(job: Job, report: Report) -> None:
    facts = json.dumps(report.facts.as_json())[:2000]
    lease.give_back(job, reason=f"Our {job.kind} program gave no result: {facts}")


def _uploads(job: Job, files: tuple[OutputFile, ...]) -> dict[str, Blob]:
    sent = {
        upload.blob_id: upload.blob
        for upload in JobUpload.objects.filter(job=job, attempt=job.attempt).select_related("blob")
    }
    missing = [file.name for file in files if file.sha256 not in sent]
    if missing:
        raise Malformed(f"These files were named but never sent: {', '.join(missing)}")
    return {file.name: sent[file.sha256] for file in files}


def _end(job: Job, report: Report, now: datetime.datetime) -> None:
    if not transitions.move(
        job, Job.Status.FINISHED, finished_at=now, stages=report.stages, lease_until=None
    ):
        raise lease.Stale
    transaction.on_commit(lambda: feed.queue_moved(job.pool_id))


@transaction.atomic
def _finish_program(job: Job, report: Report, uploads: dict[str, Blob]) -> None:
    """What a contestant's program left: an end of the run, or something for its next stage."""
    now, kind = timezone.now(), JobKind(job.kind)
    _end(job, report, now)
    run = Run.objects.select_related("submission__team", "task_version__task").get(jobs=job)
    verdict = decide(report.facts)
    result = uploads.get(stages.required_output(kind))
    if verdict is None and result is None:
        verdict = Verdict.NO_OUTPUT
    if stages.withheld(job):
        failed = verdict not in {None, Verdict.CANCELLED}
        failure = withholding.failure(job, run, report.facts, uploads, now) if failed else None
        told = _told_of_withheld(job, run, report, failure)
    else:
        told = _told(job, run, report, uploads)
    if verdict is not None:
        transitions.conclude(run, verdict, now, **told)
    elif kind in stages.NEXT:
        transitions.summarise(run, status=Submission.Status.QUEUED, **told)
        stages.queue(run, stages.NEXT[kind], model=result if kind is JobKind.TRAIN else None)
    else:
        transitions.summarise(run, status=Submission.Status.SCORING, **told)
        queue_scoring(run, result)


def _told(job: Job, run: Run, report: Report, uploads: dict[str, Blob]) -> dict[str, Any]:
    """What Run keeps of a stage whose words may be shown; its files and the end of its curve are kept, too."""
    for name, blob in uploads.items():
        RunFile.objects.update_or_create(run=run, name=name, defaults={"blob": blob})
    usage.append(job, list(report.samples))
    facts = report.facts.as_json()
    if stages.first(run) != JobKind.RUN:
        facts["stage"] = job.kind
    if run.submission.kind == Submission.Kind.NOTEBOOK:
        facts["notebook"] = notebooks.progress_of(uploads)
    return {"facts": facts, **usage.added(run, usage.of_facts(report.facts))}


def _told_of_withheld(job: Job, run: Run, report: Report, failure: dict[str, Any] | None) -> dict[str, Any]:
    """The little that Run keeps of a stage beside hidden features. Operators find the exact facts at the job."""
    Job.objects.filter(pk=job.pk).update(usage=report.facts.as_json())
    used = withholding.coarse(report.facts)
    return usage.added(run, used) | ({"facts": used | {"stage": job.kind}} if failure is None else failure)


def scoring_pool() -> Pool | None:
    """Where scores are made: the first pool that is trusted with labels."""
    return Pool.objects.filter(trusted=True).order_by("pk").first()


def queue_first(run: Run) -> Job:
    """Queue what a run begins with: predictions are scored at once, programs are run."""
    submission = run.submission
    if submission.kind == Submission.Kind.PREDICTIONS:
        return queue_scoring(run, submission.blob)
    return stages.queue(run, stages.first(run))


def queue_scoring(run: Run, predictions: Blob | None) -> Job:
    """Queue the score job of a run on the trusted pool and ring for it."""
    pool = scoring_pool()
    if pool is None:
        raise LookupError("No runner pool is trusted with labels; open one to score submissions.")
    job = Job.objects.create(
        kind=JobKind.SCORE,
        run=run,
        pool=pool,
        contest_id=run.submission.contest_id,
        contestant=run.submission.team_id,
        preferred_at=run.preferred_at,
        environment=run.task_version.scoring_environment,
        predictions=predictions,
    )
    bell.ring_after_commit(pool)
    return job


@transaction.atomic
def _finish_score(job: Job, run: Run, report: Report, judged: Judged) -> None:
    now = timezone.now()
    _end(job, report, now)
    withheld = run.submission.kind != Submission.Kind.PREDICTIONS and run.task_version.hides_features
    if judged.errors:
        told = withholding.mistakes(run, judged.errors, now) if withheld else {"errors": list(judged.errors)}
        transitions.conclude(run, Verdict.INVALID_OUTPUT, now, **told)
        return
    boards.count_score(
        submission=run.submission,
        task_version=run.task_version,
        public=judged.public,
        private=judged.private,
        feedback={} if withheld else judged.feedback,  # it quotes the predictions
        scorer_digest=specification.scorer_digest(),
        environment=job.environment.identifier,
        at=run.submission.created_at,
        generation=run.generation,
    )
    Submission.objects.filter(pk=run.submission_id).update(
        public_score=judged.public, private_score=judged.private
    )
    transitions.conclude(run, Verdict.SCORED, now)
    transaction.on_commit(feed.boards_moved)


@transaction.atomic
def _finish_check(job: Job, report: Report, checked: Checked) -> None:
    _end(job, report, timezone.now())
    check = Check.objects.get(pk=settling.check_of(job))
    check.findings = [*check.findings, *checked.findings]  # after what was seen at the start
    check.notes, check.rows = checked.notes, checked.rows
    check.save(update_fields=["findings", "notes", "rows"])
    settling.settle(check.pk)


def _read_check(blob: Blob | None) -> Checked | None:
    """The checker's result, or None when there is none that can be trusted to be one."""
    if blob is None or blob.size > RESULT_MAX_BYTES:
        return None
    try:
        raw = json.loads(blobs.head(blob, RESULT_MAX_BYTES))
        lists = [[_finding(item) for item in raw[name]] for name in ("findings", "notes")]
        # Empty where the solution could not be counted.
        rows = {name: int(raw["rows"][name]) for name in ("public", "private", "ignored") if raw["rows"]}
    except (ValueError, KeyError, TypeError):
        return None
    return Checked(lists[0], lists[1], rows)


def _finding(item: dict[str, Any]) -> dict[str, Any]:
    return {"code": str(item["code"]), "params": dict(item["params"]), "message": str(item["message"])}


def _read_result(blob: Blob | None) -> Judged | None:
    """The scorer's result, or None when there is none that can be trusted to be one."""
    if blob is None or blob.size > RESULT_MAX_BYTES:
        return None
    try:
        raw = json.loads(blobs.head(blob, RESULT_MAX_BYTES))
        if not raw["ok"]:
            return Judged(errors=tuple(raw["errors"][:MAX_ERRORS]))
        public, private = float(raw["public"]), float(raw["private"])
    except (ValueError, KeyError, TypeError):
        return None
    if not (math.isfinite(public) and math.isfinite(private)):
        return None
    return Judged(public=public, private=private, feedback=raw.get("feedback", {}))
