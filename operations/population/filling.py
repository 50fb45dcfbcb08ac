"""Submissions with all that judging them leaves behind, in bulk, batch by batch in the order of time.

The rows are those that judge.intake, judge.results and leaderboard.boards write one by one; `manage.py doctor` finds
nothing wrong with what comes of it. The newest ones still wait.
"""

from __future__ import annotations

import dataclasses
import datetime
import random
import uuid
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from contests.models import Submission
from judge.models import Job, LogChunk, Run, Turn, UsageSample
from leaderboard import ranking
from leaderboard.models import Board, BoardEntry, Score, ScoreEvent
from operations.population import crowd
from operations.population.crowd import Attempt
from operations.population.grounds import BATCH, DAYS, Grounds
from runners.spec import JobKind
from runners.verdict import OutputState, RunFacts, Verdict

SAMPLED = 20  # one program in so many has kept its usage curve
SAMPLES = 10
SCORER = "0" * 64
Say = Callable[[int], None]


@dataclasses.dataclass(slots=True)
class _Batch:
    submissions: list[Submission] = dataclasses.field(default_factory=list)
    runs: list[Run] = dataclasses.field(default_factory=list)
    jobs: list[Job] = dataclasses.field(default_factory=list)
    logs: list[LogChunk] = dataclasses.field(default_factory=list)
    samples: list[UsageSample] = dataclasses.field(default_factory=list)
    scores: list[Score] = dataclasses.field(default_factory=list)
    events: list[ScoreEvent] = dataclasses.field(default_factory=list)


def fill(grounds: Grounds, *, submissions: int, waiting: int, dice: random.Random, say: Say) -> None:
    """Write them; `say` hears how many are there."""
    filler = _Filler(grounds, submissions=submissions, waiting=waiting, dice=dice)
    attempts = crowd.attempts(crowd.order(len(grounds.teams), submissions, dice), dice)
    numbered = enumerate(attempts)
    while part := list(islice(numbered, BATCH)):
        filler.write(part)
        say(part[-1][0] + 1)
    filler.finish()


class _Filler:
    """Keeps each board's standing and version as the batches go by."""

    def __init__(self, grounds: Grounds, *, submissions: int, waiting: int, dice: random.Random) -> None:
        self._grounds, self._dice = grounds, dice
        self._count, self._waiting = submissions, waiting
        self._now = timezone.now()
        self._boards = list(Board.objects.filter(phase=grounds.phase))
        self._versions = {board.pk: board.version for board in self._boards}
        self._standings: dict[int, dict[int, ranking.Standing]] = {board.pk: {} for board in self._boards}

    @transaction.atomic
    def write(self, part: list[tuple[int, Attempt]]) -> None:
        batch = _Batch()
        for number, attempt in part:
            self._add(batch, number, attempt)
        Submission.objects.bulk_create(batch.submissions, batch_size=BATCH)
        Run.objects.bulk_create(batch.runs, batch_size=BATCH)
        for model, rows in (
            (Job, batch.jobs),
            (LogChunk, batch.logs),
            (UsageSample, batch.samples),
            (Score, batch.scores),
            (ScoreEvent, batch.events),
        ):
            model._default_manager.bulk_create(rows, batch_size=BATCH)  # type: ignore[arg-type]  # noqa: SLF001

    def _add(self, batch: _Batch, number: int, attempt: Attempt) -> None:
        waits = number >= self._count - self._waiting
        share = (number + 1) / self._count
        at = self._now - datetime.timedelta(days=DAYS) * (1 - share)
        submission = self._submission(attempt, at, waits=waits)
        run = self._run(submission, attempt, at, waits=waits)
        batch.submissions.append(submission)
        batch.runs.append(run)
        jobs = list(self._jobs(run, attempt, at, waits=waits))
        batch.jobs += jobs
        if waits:
            return
        if attempt.program:
            batch.logs.append(LogChunk(job=jobs[0], attempt=1, offset=0, data=b"epoch 1\n" * 8))
            if not number % SAMPLED:
                batch.samples += _curve(jobs[0], attempt)
        if attempt.verdict is Verdict.SCORED:
            self._score(batch, submission, attempt, at)

    def _submission(self, attempt: Attempt, at: datetime.datetime, *, waits: bool) -> Submission:
        grounds = self._grounds
        scored = attempt.verdict is Verdict.SCORED and not waits
        return Submission(
            id=uuid.uuid4(),
            contest=grounds.contest,
            phase=grounds.phase,
            team_id=grounds.teams[attempt.team],
            user_id=self._dice.choice(grounds.members[attempt.team]),
            kind="script" if attempt.program else "predictions",
            filename="train.py" if attempt.program else "predictions.csv",
            blob=self._dice.choice(grounds.files),
            environment_id=grounds.version.environment_id,
            created_at=at,
            **_ended(attempt, at, waits=waits),
            public_score=attempt.public if scored else None,
            private_score=attempt.private if scored else None,
        )

    def _run(self, submission: Submission, attempt: Attempt, at: datetime.datetime, *, waits: bool) -> Run:
        told = attempt.program and not waits
        return Run(
            submission=submission,
            task_version=self._grounds.version,
            started_at=None if waits else at,
            **_ended(attempt, at, waits=waits),
            facts=_facts(attempt).as_json() if told else {},
            wall_s=attempt.wall_s if told else 0.0,
            cpu_s=attempt.wall_s if told else 0.0,
            gpu_held_s=0.0,
        )

    def _jobs(self, run: Run, attempt: Attempt, at: datetime.datetime, *, waits: bool) -> Iterator[Job]:
        """A program's own, and that of its scoring once it has come so far."""
        grounds, version = self._grounds, self._grounds.version
        usual: dict[str, Any] = {
            "run": run,
            "contest": grounds.contest,
            "contestant": run.submission.team_id,
            "attempt": 0 if waits else 1,
            "host": "" if waits else "made-up",
            "queued_at": at,
            "claimed_at": None if waits else at,
            "finished_at": run.finished_at,
            "status": _job_status(attempt, waits=waits),
        }
        if attempt.program:
            yield Job(
                **usual,
                kind=JobKind.RUN.value,
                pool_id=version.pool_id,
                environment_id=version.environment_id,
            )
        if not attempt.program or (not waits and attempt.verdict is Verdict.SCORED):
            yield Job(
                **usual,
                kind=JobKind.SCORE.value,
                pool=grounds.scoring,
                environment_id=version.scoring_environment_id,
                predictions=run.submission.blob,
            )

    def _score(self, batch: _Batch, submission: Submission, attempt: Attempt, at: datetime.datetime) -> None:
        version = self._grounds.version
        batch.scores.append(
            Score(
                submission=submission,
                task_version=version,
                public=attempt.public,
                private=attempt.private,
                scorer_digest=SCORER,
                environment="scoring",
            )
        )
        for board in self._boards:
            value = attempt.public if board.audience == Board.Audience.PUBLIC else attempt.private
            self._versions[board.pk] += 1
            batch.events.append(
                ScoreEvent(
                    board=board,
                    version=self._versions[board.pk],
                    team_id=submission.team_id,
                    submission=submission,
                    value=value,
                    at=at,
                )
            )
            metric, standings = version.definition, self._standings[board.pk]
            standings[submission.team_id] = ranking.advance(
                standings.get(submission.team_id),
                key=ranking.key_of(value, metric.direction, metric.decimals),
                score=value,
                submission=submission.pk,
                at=at,
            )

    @transaction.atomic
    def finish(self) -> None:
        """The boards as they stand, and that everybody has been served before."""
        for board in self._boards:
            BoardEntry.objects.bulk_create(
                (
                    BoardEntry(
                        board=board,
                        team_id=team,
                        key=standing.key,
                        score=standing.score,
                        submissions=standing.submissions,
                        best_submission_id=str(standing.best_submission),
                        last_improved_at=standing.last_improved_at,
                    )
                    for team, standing in self._standings[board.pk].items()
                ),
                batch_size=BATCH,
            )
            Board.objects.filter(pk=board.pk).update(version=self._versions[board.pk])
        grounds = self._grounds
        Turn.objects.bulk_create(
            (
                Turn(pool_id=pool, contest=grounds.contest, contestant=contestant)
                for pool in {grounds.version.pool_id, grounds.scoring.pk}
                for contestant in (0, *grounds.teams)
            ),
            batch_size=BATCH,
        )


def _ended(attempt: Attempt, at: datetime.datetime, *, waits: bool) -> dict[str, Any]:
    if waits:
        return {"status": Submission.Status.QUEUED, "verdict": "", "finished_at": None}
    cancelled = attempt.verdict is Verdict.CANCELLED
    return {
        "status": Submission.Status.CANCELLED if cancelled else Submission.Status.FINISHED,
        "verdict": attempt.verdict.value,
        "finished_at": at + datetime.timedelta(seconds=attempt.wall_s),
    }


def _job_status(attempt: Attempt, *, waits: bool) -> str:
    if waits:
        return Job.Status.QUEUED
    return Job.Status.CANCELLED if attempt.verdict is Verdict.CANCELLED else Job.Status.FINISHED


def _facts(attempt: Attempt) -> RunFacts:
    return RunFacts(
        exit_code=1 if attempt.verdict is Verdict.RUNTIME_ERROR else 0,
        signal=None,
        wall_s=attempt.wall_s,
        cpu_s=attempt.wall_s,
        memory_peak=300 << 20,
        disk_peak=2 << 20,
        output=OutputState.OK,
        sandbox="nsjail",
    )


def _curve(job: Job, attempt: Attempt) -> list[UsageSample]:
    return [
        UsageSample(
            job=job,
            attempt=1,
            number=number,
            wall_s=attempt.wall_s * number / SAMPLES,
            cpu_s=attempt.wall_s * number / SAMPLES,
            memory=number << 24,
            disk=number << 10,
        )
        for number in range(SAMPLES)
    ]
