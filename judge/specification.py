"""From a Job row to the JobSpec an agent gets: which files lie where, which program runs, under which limits."""

from __future__ import annotations

import dataclasses
import functools
import json

from django.conf import settings

from contests import blobs
from contests.models import Blob, Submission, TaskVersion
from contests.publishing import check_plan, scoring_spec
from judge.models import Job
from metrics import bundle
from runners.notebook import bundle as notebook
from runners.spec import RESULT_FILE, SUBMISSION_FILE, InputFile, JobKind, JobSpec, Limits

PROGRAM = "/submission/main.py"
SCORER = "/submission/scorer.pyz"
CHECKER = "/submission/checker.pyz"
SCORING_LIMITS = Limits(
    wall_s=120, cpu_s=120, memory_mb=2048, pids=64, disk_mb=64, inodes=1000, log_kb=64, output_mb=1
)
# A check reads the public files as well.
CHECK_LIMITS = dataclasses.replace(SCORING_LIMITS, wall_s=600, cpu_s=600)


class ForbiddenPool(Exception):
    """A job that carries labels was about to go to a pool that is not trusted with them."""


def _input(path: str, blob: Blob) -> InputFile:
    return InputFile(path=path, sha256=blob.sha256, size=blob.size)


@functools.cache
def _scorer_program() -> bytes:
    return bundle.build_zipapp()


def scorer() -> Blob:
    """The scorer program as a blob; its digest is what a Score records."""
    return blobs.store_bytes(_scorer_program())


@functools.cache
def _driver_program() -> bytes:
    return notebook.build_zipapp()


def _notebook_driver() -> Blob:
    return blobs.store_bytes(_driver_program())


@functools.cache
def _checker_program() -> bytes:
    return bundle.build_zipapp("checker")


def _checker() -> Blob:
    return blobs.store_bytes(_checker_program())


def _check_file(version: TaskVersion) -> Blob:
    return blobs.store_bytes(json.dumps(check_plan(version), sort_keys=True).encode())


def _scoring_file(version: TaskVersion) -> Blob:
    return blobs.store_bytes(json.dumps(scoring_spec(version).as_json(), sort_keys=True).encode())


def prepare(job: Job) -> None:
    """Write the blobs that a job's specification will name. Called before the claim's transaction."""
    if job.kind == JobKind.SCORE:
        scorer()
        _scoring_file(version_of(job))
    elif _is_notebook(job):
        _notebook_driver()
    elif job.kind == JobKind.CHECK:
        _checker()
        _check_file(version_of(job))


def version_of(job: Job) -> TaskVersion:
    """The task version that a job's run is judged by, or that its check looks at."""
    if job.run is not None:
        return job.run.task_version
    if job.task_check is None:
        raise LookupError(f"job {job.pk} is about nothing")  # the database forbids it
    return job.task_check.task_version


def _inputs(job: Job) -> tuple[InputFile, ...]:
    version = version_of(job)
    if job.run is not None and job.kind == JobKind.RUN:
        places = ("/input", _kaggle_folder(job)) if _is_notebook(job) else ("/input",)
        files = [file for place in places for file in _public_files(place, version)]
        return (*files, *_program(job.run.submission))
    if not job.pool.trusted:
        raise ForbiddenPool(job.pool.slug)
    if job.run is None:
        return (
            *_public_files("/input/public", version),
            _input("/input/solution.csv", version.solution),
            _input("/input/check.json", _check_file(version)),
            _input(CHECKER, _checker()),
        )
    if job.predictions is None:
        raise ValueError(f"score job {job.pk} has no predictions")
    return (
        _input("/input/predictions.csv", job.predictions),
        _input("/input/solution.csv", version.solution),
        _input("/input/scoring.json", _scoring_file(version)),
        _input(SCORER, scorer()),
    )


def _program(submission: Submission) -> list[InputFile]:
    if submission.kind == Submission.Kind.NOTEBOOK:
        return [_input(notebook.NOTEBOOK, submission.blob), _input(notebook.PROGRAM, _notebook_driver())]
    return [_input(PROGRAM, submission.blob)]


def _is_notebook(job: Job) -> bool:
    return job.run is not None and job.run.submission.kind == Submission.Kind.NOTEBOOK


def _public_files(folder: str, version: TaskVersion) -> list[InputFile]:
    return [_input(f"{folder}/{file.name}", file.blob) for file in version.files.select_related("blob")]


def _kaggle_folder(job: Job) -> str:
    return f"/kaggle/input/{version_of(job).task.phase.contest.slug}"


def _links(job: Job) -> tuple[tuple[str, str], ...]:
    """Kaggle's places. A notebook's first cell walks /kaggle/input, which follows no link: there it lies itself.

    `../input/<contest>/…` is what many notebooks say instead; from /output it leads to /input.
    """
    working, folder = ("/kaggle/working", "/output"), _kaggle_folder(job)
    names = set(version_of(job).files.values_list("name", flat=True))
    if not _is_notebook(job) or not names:
        return (folder, "/input"), working
    slug = folder.rpartition("/")[2]
    return (working,) if slug in names else (working, (f"/input/{slug}", folder))


def input_digests(job: Job) -> set[str]:
    """What the holder of this job's token may download, and nothing else."""
    return {item.sha256 for item in _inputs(job)}


def limits_of(job: Job) -> Limits:
    if job.kind == JobKind.RUN:
        return Limits.from_json(version_of(job).limits)
    return CHECK_LIMITS if job.kind == JobKind.CHECK else SCORING_LIMITS


def _argv(job: Job) -> tuple[str, ...]:
    kind = JobKind(job.kind)
    if kind is JobKind.RUN:
        return notebook.argv(limits_of(job).wall_s) if _is_notebook(job) else ("{python}", PROGRAM)
    return bundle.argv("checker" if kind is JobKind.CHECK else "scorer")


def build(job: Job, *, token: str) -> JobSpec:
    """The specification of one attempt. Raises ForbiddenPool when labels would leave the trusted pools."""
    run = job.kind == JobKind.RUN
    return JobSpec(
        job_id=str(job.pk),
        kind=JobKind(job.kind),
        attempt=job.attempt,
        token=token,
        environment=job.environment.identifier,
        image=job.environment.image,
        argv=_argv(job),
        inputs=_inputs(job),
        limits=limits_of(job),
        required_output=SUBMISSION_FILE if run else RESULT_FILE,
        heartbeat_s=settings.PODIUM_HEARTBEAT_S,
        links=_links(job) if run else (),
        kept=notebook.KEPT if _is_notebook(job) and run else (),
    )
