"""The stages of a run: which job follows which, under which limits, and whose words may be shown.

    predictions                       SCORE
    script, notebook                  RUN → SCORE
      … beside hidden features        REHEARSE (public samples) → RUN, withheld → SCORE
    project                           TRAIN → PREDICT → SCORE
      … beside hidden features        TRAIN → PREDICT, withheld → SCORE

Each is a Job of its own: leased, repeated and called back by itself, so a dead PREDICT is predicted again without
training again. A job is withheld when hidden features lie beside the contestant's program: its log, its curve and its
files are shown to nobody, and judge.withholding says what little is told.
"""

from __future__ import annotations

from typing import Any

from contests.models import Blob, Submission, TaskVersion
from judge import bell
from judge.models import Job, Run
from runners.spec import SUBMISSION_FILE, JobKind, Limits

# The jobs that run a contestant's program, in the order in which a run has them.
PROGRAMS = (JobKind.REHEARSE, JobKind.TRAIN, JobKind.RUN, JobKind.PREDICT)
_BESIDE_HIDDEN = (JobKind.RUN, JobKind.PREDICT)
NEXT = {JobKind.REHEARSE: JobKind.RUN, JobKind.TRAIN: JobKind.PREDICT}
MODEL_FILE = "model.zip"  # what a training leaves: the tree of /model


def is_program(job: Job) -> bool:
    return job.kind in PROGRAMS


def withheld(job: Job) -> bool:
    """Whether the job's program sees hidden features, so that none of its words may be shown."""
    return job.run is not None and job.kind in _BESIDE_HIDDEN and job.run.task_version.hides_features


def first(run: Run) -> JobKind:
    return _first(run.submission.kind, run.task_version)


def _first(kind: str, version: TaskVersion) -> JobKind:
    if kind == Submission.Kind.PREDICTIONS:
        return JobKind.SCORE
    if kind == Submission.Kind.PROJECT:
        return JobKind.TRAIN
    return JobKind.REHEARSE if version.hides_features else JobKind.RUN


def most_gpu_s(version: TaskVersion, kind: str) -> float:
    """The GPU seconds that a submission of this kind takes at most: all its stages, each to its wall limit."""
    stage: JobKind | None = _first(kind, version)
    most = 0.0
    while stage in PROGRAMS:
        try:
            own = limits(version, stage)
        except (ValueError, TypeError):
            return 0.0  # its specification will say so
        most += own.wall_s * own.gpus
        stage = NEXT.get(stage)
    return most


def required_output(kind: JobKind) -> str:
    return MODEL_FILE if kind is JobKind.TRAIN else SUBMISSION_FILE


def limits(version: TaskVersion, kind: JobKind) -> Limits:
    """Of a contestant's program. A stage says only what differs from the task's own limits."""
    return Limits.from_json(version.limits | version.stage_limits.get(kind.value, {}))


def queue(run: Run, kind: JobKind, *, model: Blob | None = None) -> Job:
    """Queue a contestant's program and ring for it."""
    pool = run.task_version.pool
    job = Job.objects.create(
        kind=kind,
        run=run,
        pool=pool,
        contest_id=run.submission.contest_id,
        contestant=run.submission.team_id,
        preferred_at=run.preferred_at,
        environment=run.submission.environment,
        gpus=limits_or_none(run.task_version, kind),
        model=model,
    )
    bell.ring_after_commit(pool)
    return job


def limits_or_none(version: TaskVersion, kind: JobKind) -> int:
    """How many GPUs a stage needs; 0 where its limits cannot be read: then its specification says so."""
    try:
        return limits(version, kind).gpus
    except (ValueError, TypeError):
        return 0


def shown(run: Run | None) -> list[Job]:
    """The jobs whose log may be shown, in order. Their logs are one text."""
    if run is None:
        return []
    jobs = Job.objects.filter(run=run, kind__in=PROGRAMS)
    if run.task_version.hides_features:
        jobs = jobs.exclude(kind__in=_BESIDE_HIDDEN)
    return sorted(jobs, key=lambda job: PROGRAMS.index(JobKind(job.kind)))


def under_way(run: Run | None) -> str:
    """The kind of the job that waits or runs; "" where none does."""
    if run is None:
        return ""
    live = (Job.Status.QUEUED, Job.Status.RUNNING)
    return Job.objects.filter(run=run, status__in=live).values_list("kind", flat=True).first() or ""


def beside_hidden(run: Run | None) -> bool:
    """Whether the program that is under way is one of whose words nothing is shown."""
    if run is None or not run.task_version.hides_features:
        return False
    return Job.objects.filter(run=run, kind__in=_BESIDE_HIDDEN, status=Job.Status.RUNNING).exists()


def limits_of(version: TaskVersion, kind: JobKind | None) -> dict[str, Any]:
    """As they were written, for eyes; `limits` reads them for a run."""
    own: dict[str, Any] = {} if kind is None else version.stage_limits.get(kind.value, {})
    return dict(version.limits) | own


def told_limits(run: Run | None) -> dict[str, Any]:
    """The limits that the run's facts stand beside: those of the stage they speak of."""
    if run is None:
        return {}
    return limits_of(run.task_version, of(run))


def curve_limits(run: Run | None) -> dict[str, Any]:
    """The limits that the run's curve stands beside: those of its first stage."""
    if run is None:
        return {}
    return limits_of(run.task_version, first(run))


def has_curve(job: Job) -> bool:
    """Whether the job's use over time is kept and shown: that of the first stage alone."""
    return is_program(job) and job.kind != JobKind.PREDICT and not withheld(job)


def of(run: Run) -> JobKind | None:
    """The stage that a run's facts and verdict speak of; None for the only one there is."""
    said = run.trace.get("stage") or run.facts.get("stage")
    return JobKind(said) if said in set(PROGRAMS) else None
