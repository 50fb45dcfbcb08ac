"""From a Job row to the JobSpec an agent gets: which files lie where, which program runs, under which limits."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json

from django.conf import settings

from contests import blobs
from contests.models import Blob, Submission, TaskVersion
from contests.publishing import check_plan, scoring_spec
from judge import projects, stages
from judge.models import Job
from metrics import bundle
from runners.notebook import bundle as notebook
from runners.spec import RESULT_FILE, InputFile, JobKind, JobSpec, Limits
from runners.traced import bundle as traced

PROGRAM = "/submission/main.py"
PROJECT, MODEL = "/submission", "/model"  # trees
SCORER = "/submission/scorer.pyz"
CHECKER = "/submission/checker.pyz"
SCORING_LIMITS = Limits(
    wall_s=120, cpu_s=120, memory_mb=2048, pids=64, disk_mb=64, inodes=1000, log_kb=64, output_mb=1
)
# A check reads the public files as well.
CHECK_LIMITS = dataclasses.replace(SCORING_LIMITS, wall_s=600, cpu_s=600)


class Forbidden(Exception):
    """A job was about to carry what it must not."""


class ForbiddenPool(Forbidden):
    """A job that carries labels was about to go to a pool that is not trusted with them."""


class ForbiddenFeatures(Forbidden):
    """A job whose log is shown was about to carry hidden features."""


def _input(path: str, blob: Blob, *, unpack: bool = False) -> InputFile:
    return InputFile(path=path, sha256=blob.sha256, size=blob.size, unpack=unpack)


@functools.cache
def _scorer_program() -> bytes:
    return bundle.build_zipapp()


@functools.cache
def scorer_digest() -> str:
    """What a Score records. Without its row, whose lock claims hold for a while."""
    return hashlib.sha256(_scorer_program()).hexdigest()


def scorer() -> Blob:
    """The scorer program as a blob."""
    return blobs.store_bytes(_scorer_program())


@functools.cache
def _driver_program() -> bytes:
    return notebook.build_zipapp()


def _notebook_driver() -> Blob:
    return blobs.store_bytes(_driver_program())


@functools.cache
def _traced_program() -> bytes:
    return traced.build_zipapp()


def _traced_runner() -> Blob:
    return blobs.store_bytes(_traced_program())


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
    elif stages.is_program(job):
        _notebook_driver()
        _traced_runner()
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
    if job.run is not None and stages.is_program(job):
        places = ("/input", _kaggle_folder(job)) if _is_notebook(job) else ("/input",)
        data = _data(version, hidden=stages.withheld(job))
        files = [_input(f"{place}/{name}", blob) for place in places for name, blob in data.items()]
        return (*files, *_program(job, job.run.submission))
    if not job.pool.trusted:
        raise ForbiddenPool(job.pool.slug)
    if job.run is None:
        return (
            *(_input(f"/input/public/{name}", blob) for name, blob in _data(version, hidden=False).items()),
            *(_input(f"/input/hidden/{name}", blob) for name, blob in _hidden(version).items()),
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


def _program(job: Job, submission: Submission) -> list[InputFile]:
    if submission.kind == Submission.Kind.NOTEBOOK:
        return [_input(notebook.NOTEBOOK, submission.blob), _input(notebook.PROGRAM, _notebook_driver())]
    found = [_input(traced.PROGRAM, _traced_runner())] if stages.withheld(job) else []
    if submission.kind != Submission.Kind.PROJECT:
        return [*found, _input(PROGRAM, submission.blob)]
    found.append(_input(PROJECT, submission.blob, unpack=True))
    if job.kind == JobKind.PREDICT:
        if job.model is None:
            raise ValueError(f"predict job {job.pk} has no model")
        found.append(_input(MODEL, job.model, unpack=True))
    return found


def _is_notebook(job: Job) -> bool:
    return job.run is not None and job.run.submission.kind == Submission.Kind.NOTEBOOK


def _data(version: TaskVersion, *, hidden: bool) -> dict[str, Blob]:
    """What lies in /input, by name: public files, and in their place hidden ones of the same name."""
    public = {file.name: file.blob for file in version.files.select_related("blob")}
    return public | (_hidden(version) if hidden else {})


def _hidden(version: TaskVersion) -> dict[str, Blob]:
    return {file.name: file.blob for file in version.hidden_files.select_related("blob")}


def _kaggle_folder(job: Job) -> str:
    return f"/kaggle/input/{version_of(job).task.phase.contest.slug}"


def _links(job: Job) -> tuple[tuple[str, str], ...]:
    """Kaggle's places. A notebook's first cell walks /kaggle/input, which follows no link: there it lies itself.

    `../input/<contest>/…` is what many notebooks say instead; from /output it leads to /input.
    """
    working, folder = ("/kaggle/working", "/output"), _kaggle_folder(job)
    names = set(_data(version_of(job), hidden=stages.withheld(job)))
    if not _is_notebook(job) or not names:
        return (folder, "/input"), working
    slug = folder.rpartition("/")[2]
    return (working,) if slug in names else (working, (f"/input/{slug}", folder))


def input_digests(job: Job) -> set[str]:
    """What the holder of this job's token may download, and nothing else."""
    return {item.sha256 for item in _inputs(job)}


def limits_of(job: Job) -> Limits:
    if stages.is_program(job):
        return stages.limits(version_of(job), JobKind(job.kind))
    return CHECK_LIMITS if job.kind == JobKind.CHECK else SCORING_LIMITS


def _argv(job: Job) -> tuple[str, ...]:
    kind = JobKind(job.kind)
    if not stages.is_program(job):
        return bundle.argv("checker" if kind is JobKind.CHECK else "scorer")
    if _is_notebook(job):
        return notebook.argv(limits_of(job).wall_s)
    program = PROGRAM
    if kind in (JobKind.TRAIN, JobKind.PREDICT) and job.run is not None:
        name = projects.TRAIN if kind is JobKind.TRAIN else projects.PREDICT
        program = f"{PROJECT}/{projects.root(job.run.submission.blob)}{name}"
    return traced.argv(program) if stages.withheld(job) else ("{python}", program)


def _kept(job: Job) -> tuple[str, ...]:
    """Files that leave the sandbox whatever became of the program."""
    if not stages.is_program(job):
        return ()
    if stages.withheld(job):
        return (notebook.REPORT,) if _is_notebook(job) else (traced.TRACE,)
    return notebook.KEPT if _is_notebook(job) else ()


def build(job: Job, *, token: str) -> JobSpec:
    """The specification of one attempt. Raises Forbidden when it would carry what its pool or its log must not have."""
    kind, program = JobKind(job.kind), stages.is_program(job)
    spec = JobSpec(
        job_id=str(job.pk),
        kind=kind,
        attempt=job.attempt,
        token=token,
        environment=job.environment.identifier,
        image=job.environment.image,
        argv=_argv(job),
        inputs=_inputs(job),
        limits=limits_of(job),
        required_output=stages.required_output(kind) if program else RESULT_FILE,
        heartbeat_s=settings.PODIUM_HEARTBEAT_S,
        links=_links(job) if program else (),
        kept=_kept(job),
        tree="/model" if kind is JobKind.TRAIN else "",
        withheld=stages.withheld(job),
    )
    _guard_features(job, spec)
    return spec


def _guard_features(job: Job, spec: JobSpec) -> None:
    """Hidden features go to jobs whose words stay on the host, and to the check of their own organisers. Any pool may
    run those: unlike labels, hidden features are read by contestants' programs on that very host.
    """
    if spec.withheld or job.kind == JobKind.CHECK:
        return
    hidden = set(version_of(job).hidden_files.values_list("blob_id", flat=True))
    if any(item.sha256 in hidden for item in spec.inputs):
        raise ForbiddenFeatures(f"a {job.kind} job would carry hidden features beside a log that is shown")
