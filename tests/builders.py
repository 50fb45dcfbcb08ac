"""Rows for tests, as plain functions with sensible defaults: say only what the test is about.

    alice = make_user("alice")
    contest = make_contest("digits", metric="accuracy")
    submission = make_submission(contest, alice, status="FINISHED", public_score=0.91)

Blobs are real files in PODIUM_BLOBS; nothing here is a mock. A submission built in a state comes with the Run
and the Job that state implies, and a scored one is counted on the boards by the same verb as in production.
"""

from __future__ import annotations

import datetime as dt
import functools
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from compute.models import Environment, Pool, PoolToken, RunnerHost
from contests import blobs, joining, names, publishing
from contests.models import (
    Blob,
    Check,
    Contest,
    DataFile,
    Participation,
    Phase,
    StarterCode,
    Submission,
    Task,
    TaskVersion,
    Team,
)
from judge.models import Job, LogChunk, Run, RunFile
from leaderboard import boards
from runners.spec import JobKind, Limits
from runners.verdict import OutputState, RunFacts, Verdict

PASSWORD = "correct-horse-battery"
ENVIRONMENT_VERSION = "0123456789ab"
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
SCRIPT = b"print('hello')\n"
TRAIN = b"id,x,target\n1,0.5,1\n2,0.1,0\n"
TEST = b"id,x\n3,0.7\n4,0.2\n"
SAMPLE = b"id,target\n3,0\n4,0\n"
SOLUTION = b"id,target,Usage\n3,1,Public\n4,0,Private\n"
_FILENAMES = {"predictions": "predictions.csv", "script": "train.py", "notebook": "train.ipynb"}
DATA_FILES: Mapping[str, bytes] = {"train.csv": TRAIN, "test.csv": TEST, "sample_submission.csv": SAMPLE}


@functools.cache
def _password_hash() -> str:
    """Hashed once: the real hasher takes a third of a second by design."""
    return make_password(PASSWORD)


def make_user(username: str = "alice", *, staff: bool = False, **fields: Any) -> User:
    """A person whose password is PASSWORD. Staff are superusers too, so the admin opens."""
    return User.objects.create(
        username=username,
        password=_password_hash(),
        email=fields.pop("email", f"{username}@example.org"),
        is_staff=staff,
        is_superuser=staff,
        **fields,
    )


def make_organiser(username: str) -> User:
    """Staff without being a superuser: the admin opens, and shows own contests only."""
    user = make_user(username)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.refresh_from_db()
    return user


def make_api_token(user: User) -> str:
    """The `Authorization: Token …` of this user."""
    return tokens.create_api_token(user=user, name="test")


def make_blob(content: bytes = SCRIPT) -> Blob:
    return blobs.store([content])


def make_environment(name: str = "python", version: str = ENVIRONMENT_VERSION) -> Environment:
    """Older than any real one: on a stack, whoever takes the newest would wait for one that no host has."""
    environment, is_new = Environment.objects.get_or_create(name=name, version=version)
    if is_new:
        Environment.objects.filter(pk=environment.pk).update(created_at=LONG_AGO)
        environment.created_at = LONG_AGO
    return environment


def pool_token(slug: str) -> str:
    """The token of a pool made by `make_pool`."""
    return f"pool_of-a-test-{slug}"


def make_pool(slug: str = "cpu", *, trusted: bool = False) -> Pool:
    pool, made = Pool.objects.get_or_create(slug=slug, defaults={"trusted": trusted})
    if made:
        PoolToken.objects.create(pool=pool, digest=tokens.digest(pool_token(slug)))
    return pool


def make_host(
    pool: Pool,
    *,
    environments: Iterable[Environment] = (),
    building: dict[str, Any] | None = None,
    name: str = "host-1",
    seen_at: dt.datetime | None = None,
    devices: Sequence[dict[str, Any]] = (),
) -> RunnerHost:
    """A host that reported in just now (or at `seen_at`)."""
    return RunnerHost.objects.create(
        pool=pool,
        name=name,
        environments=[environment.identifier for environment in environments],
        building=building or {},
        seen_at=seen_at or timezone.now(),
        devices=list(devices),
    )


def make_device(name: str = "gpu0", state: str = "free", **more: Any) -> dict[str, Any]:
    """A GPU as a host reports it."""
    return {"id": name, "name": "NVIDIA H100", "memory_mb": 81559, "state": state, **more}


def make_contest(
    slug: str = "digits",
    *,
    metric: str = "accuracy",
    kinds: Sequence[str] = ("predictions", "script"),
    environments: Sequence[str] = ("python",),
    limits: Limits | None = None,
    starts_at: dt.datetime | None = None,
    ends_at: dt.datetime | None = None,
    private_revealed_at: dt.datetime | None = None,
    daily_limit: int = 50,
    solution: bytes = SOLUTION,
    files: Mapping[str, bytes] = DATA_FILES,
    starters: Mapping[str, bytes] | None = None,
    **fields: Any,
) -> Contest:
    """An open, published contest: one phase, one task (slug "main"), its pools, data, starters and boards.

    The first of `environments` is the default. Other fields of Contest (title_zh, description, …) may be
    given.
    """
    contest = Contest.objects.create(
        slug=slug,
        title=fields.pop("title", slug.replace("-", " ").capitalize()),
        published=fields.pop("published", True),
        **fields,
    )
    phase = Phase.objects.create(
        contest=contest,
        starts_at=starts_at or timezone.now() - dt.timedelta(days=1),
        ends_at=ends_at,
        private_revealed_at=private_revealed_at,
        daily_limit=daily_limit,
    )
    task = Task.objects.create(phase=phase, slug="main", title="Main task")
    make_pool("scoring", trusted=True)
    offered = [make_environment(name) for name in environments]
    version = TaskVersion.objects.create(
        task=task,
        kinds=list(kinds),
        metric=metric,
        target_columns=["target"],
        limits=(limits or Limits()).as_json(),
        pool=make_pool("cpu"),
        environment=offered[0],
        scoring_environment=make_environment("scoring"),
        solution=make_blob(solution),
    )
    version.environments.set(offered)
    for name, content in files.items():
        DataFile.objects.create(task_version=version, name=name, blob=make_blob(content))
    for position, (name, content) in enumerate((starters or {}).items(), start=1):
        make_starter(contest, name, content, environment=offered[0], position=position)
    boards.open_boards(phase)
    return contest


def make_starter(
    contest: Contest,
    name: str = "baseline.py",
    content: bytes = SCRIPT,
    *,
    environment: Environment | None = None,
    position: int = 1,
) -> StarterCode:
    return StarterCode.objects.create(
        contest=contest,
        name=name,
        title=name,
        environment=environment,
        blob=make_blob(content),
        position=position,
    )


def make_check(
    version: TaskVersion, *, status: str = "GREEN", user: User | None = None, **fields: Any
) -> Check:
    """The record of a check of the version as it is now: with a GREEN one its contest may be published."""
    ended = timezone.now() if status in Check.ENDED else None
    return Check.objects.create(
        task_version=version,
        started_by=user,
        status=status,
        digest=publishing.fingerprint(version),
        finished_at=ended,
        **fields,
    )


def phase_of(contest: Contest) -> Phase:
    return contest.phases.get()


def task_version_of(contest: Contest) -> TaskVersion:
    """The active version of the contest's only task."""
    return TaskVersion.objects.get(task__phase__contest=contest, active=True)


def join(contest: Contest, user: User, *, team_name: str | None = None) -> Participation:
    """The user's participation, made (as a team of one) when there is none."""
    found = Participation.objects.filter(contest=contest, user=user).first()
    if found is not None:
        return found
    name = team_name or user.public_name
    team = Team.objects.create(contest=contest, name=name, name_key=names.key(name))
    return Participation.objects.create(
        contest=contest, user=user, team=team, rules_digest=joining.rules_digest(contest)
    )


def make_facts(**changes: Any) -> RunFacts:
    """Facts of a run that ended well, changed as asked."""
    usual: dict[str, Any] = {
        "exit_code": 0,
        "signal": None,
        "wall_s": 12.5,
        "cpu_s": 11.0,
        "memory_peak": 300 * 1024 * 1024,
        "disk_peak": 2 * 1024 * 1024,
        "output": OutputState.OK,
        "sandbox": "nsjail",
    }
    return RunFacts(**(usual | changes))


def make_submission(
    contest: Contest,
    user: User,
    *,
    status: str = "QUEUED",
    verdict: str | None = None,
    public_score: float | None = None,
    private_score: float | None = None,
    kind: str = "script",
    filename: str | None = None,
    content: bytes = SCRIPT,
    environment: Environment | None = None,
    created_at: dt.datetime | None = None,
    facts: RunFacts | None = None,
    errors: Sequence[dict[str, Any]] = (),
    log: bytes = b"",
    files: Mapping[str, bytes] | None = None,
    note: str = "",
) -> Submission:
    """A submission in a given state, with its Run and first Job. FINISHED without a verdict means SCORED.

    A SCORED one is counted on the public and the final board (private_score defaults to the public one).
    """
    if verdict is None:
        verdict = {"FINISHED": "SCORED", "FAILED": "INTERNAL_ERROR", "CANCELLED": "CANCELLED"}.get(status, "")
    scored = verdict == Verdict.SCORED
    public = (0.5 if public_score is None else public_score) if scored else None
    private = (public if private_score is None else private_score) if scored else None
    version = task_version_of(contest)
    created = created_at or timezone.now()
    ended = created + dt.timedelta(seconds=15) if status in Submission.TERMINAL else None
    submission = Submission.objects.create(
        contest=contest,
        phase=version.task.phase,
        team=join(contest, user).team,
        user=user,
        kind=kind,
        filename=filename or (_FILENAMES[kind]),
        blob=make_blob(content),
        environment=environment or version.environment,
        note=note,
        created_at=created,
        finished_at=ended,
        status=status,
        verdict=verdict,
        public_score=public,
        private_score=private,
    )
    run = Run.objects.create(
        submission=submission,
        task_version=version,
        status=status,
        verdict=verdict,
        errors=list(errors),
        facts=(facts or make_facts()).as_json() if ended and kind != "predictions" else {},
        started_at=None if status == "QUEUED" else created,
        finished_at=ended,
    )
    _make_job(run, log=log)
    for name, body in (files or {}).items():
        RunFile.objects.create(run=run, name=name, blob=make_blob(body))
    if public is not None and private is not None:
        with transaction.atomic():
            boards.count_score(
                submission=submission,
                task_version=version,
                public=public,
                private=private,
                feedback={},
                scorer_digest="0" * 64,
                environment=version.scoring_environment.identifier,
                at=created,
            )
    return submission


def _make_job(run: Run, *, log: bytes) -> Job:
    submission = run.submission
    kind = JobKind.SCORE if submission.kind == "predictions" else JobKind.RUN
    # A program that is being scored has done its run job; everything else shares the run's state.
    status = "FINISHED" if run.status == "SCORING" and kind is JobKind.RUN else str(run.status)
    status = "RUNNING" if status == "SCORING" else status
    running = status == "RUNNING"
    job = Job.objects.create(
        kind=kind.value,
        run=run,
        contest=submission.contest,
        contestant=submission.team_id,
        pool=run.task_version.pool if kind is JobKind.RUN else make_pool("scoring", trusted=True),
        environment=submission.environment if kind is JobKind.RUN else run.task_version.scoring_environment,
        predictions=submission.blob if kind is JobKind.SCORE else None,
        gpus=run.task_version.limits.get("gpus", 0) if kind is JobKind.RUN else 0,
        status=status,
        attempt=0 if status == "QUEUED" else 1,
        lease_until=timezone.now() + dt.timedelta(minutes=1) if running else None,
        queued_at=submission.created_at,
        claimed_at=None if status == "QUEUED" else submission.created_at,
        finished_at=run.finished_at,
        log_bytes=len(log),
    )
    if log:
        LogChunk.objects.create(job=job, attempt=1, offset=0, data=log)
    return job


def fill_board(contest: Contest, count: int, *, best: float = 0.99, step: float = 0.001) -> list[Submission]:
    """`count` contestants with one scored submission each, `step` apart from `best` downwards."""
    start = timezone.now() - dt.timedelta(hours=2)
    return [
        make_submission(
            contest,
            make_user(f"c{index:04d}-{secrets.token_hex(6)}"),
            status="FINISHED",
            kind="predictions",
            public_score=best - index * step,
            created_at=start + dt.timedelta(seconds=index),
        )
        for index in range(count)
    ]
