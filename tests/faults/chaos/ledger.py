"""Run on the stack's own database: is everything that was accepted judged once, rightly, and counted once?

`wait` returns when nothing is under way any more; `violations` compares the database with what contestants were told.
"""

from __future__ import annotations

import collections
import hashlib
import json
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.models import Exists, OuterRef

from contests import blobs
from contests.models import Blob, Participation, Submission, SubmissionQuerySet
from judge import quotas
from judge.models import Job, Run
from leaderboard import boards
from leaderboard.models import Board, BoardEntry, Score, ScoreEvent
from runners.verdict import Verdict
from tests.faults.chaos import mix

LIVE = (Job.Status.QUEUED, Job.Status.RUNNING)
BOARDS_OF_A_SCORE = 2  # public and final


def wait(seconds: float) -> None:
    """Until no job waits or runs, or the time is over: then `violations` names them."""
    until = time.monotonic() + seconds
    while Job.objects.filter(status__in=LIVE).exists() and time.monotonic() < until:
        time.sleep(0.5)


def examine(told: Path) -> None:
    """Print {"violations": […], "figures": {…}} for what contestants wrote down in the file `told`."""
    raw = json.loads(told.read_text())
    found = [
        *_of_submissions(raw["accepted"]),
        *_of_rejudges(raw["rejudged"]),
        *_of_quotas(raw["quota"]),
        *_of_crowds(),
        *_of_boards(raw["accepted"]),
        *_of_blobs(),
    ]
    json.dump({"violations": found, "figures": _figures()}, sys.stdout)


def _of_submissions(accepted: list[dict[str, str]]) -> Iterator[str]:
    told = {item["submission"]: item for item in accepted}
    kept = {str(row.pk): row for row in Submission.objects.all()}
    yield from (
        f"{item['key']} was accepted as {pk} and is lost" for pk, item in told.items() if pk not in kept
    )
    yield from (
        f"{pk} ({row.idempotency_key}) is kept, and nobody was told"
        for pk, row in kept.items()
        if pk not in told
    )
    if len(told) != len(accepted):
        yield "two uploads were told the same submission"
    for pk in sorted(told.keys() & kept.keys()):
        for wrong in _of_submission(kept[pk], mix.BY_NAME[told[pk]["entry"]]):
            yield f"{told[pk]['key']} ({told[pk]['entry']}, submission {pk}): {wrong}"


def _of_submission(submission: Submission, entry: mix.Entry) -> Iterator[str]:
    errors = [job.error for job in Job.objects.filter(run__submission=submission) if job.error]
    if submission.verdict != entry.verdict:
        yield f"{submission.status} {submission.verdict or 'without verdict'} instead of {entry.verdict}: {errors}"
    if submission.public_score != entry.score:
        yield f"score {submission.public_score} instead of {entry.score}"
    runs = list(Run.objects.filter(submission=submission).order_by("generation"))
    verdicts = [run.verdict for run in runs]
    # What an organiser had judged again ends as before, unless they called that back.
    if verdicts[:1] != [entry.verdict] or not {*verdicts[1:]} <= {entry.verdict, Verdict.CANCELLED}:
        yield f"its runs say {verdicts}"
    elif (runs[0].status, len(runs)) != (submission.status, runs[-1].generation):
        yield f"it is {submission.status}, its runs {[(run.generation, run.status) for run in runs]}"
    counted = verdicts.count(Verdict.SCORED)
    for model, times in ((Score, counted), (ScoreEvent, BOARDS_OF_A_SCORE * counted)):
        if (found := model.objects.filter(submission=submission).count()) != times:
            yield f"{found} {model.__name__}s instead of {times}"
    live = Job.objects.filter(run__submission=submission, status__in=LIVE)
    yield from (f"its {job.kind} job is {job.status}, attempt {job.attempt}" for job in live)


def _of_rejudges(told: dict[str, int]) -> Iterator[str]:
    """None that an organiser was promised is lost. There may be more: answers are lost, and a phase has many."""
    for pk, times in told.items():
        if (found := Run.objects.filter(submission=uuid.UUID(pk)).count()) <= times:
            yield f"submission {pk} was to be judged again {times} times, and has {found} runs"


def _of_quotas(limit: int) -> Iterator[str]:
    for place in Participation.objects.filter(contest__slug=mix.CONTEST).select_related("team"):
        taken = Submission.objects.filter(team=place.team, phase=place.contest.phases.get())
        used, free = quotas.costing(taken).count(), _never_started(taken).count()
        if (used, taken.count()) != (limit, limit + free):
            yield f"team {place.team.name} used {used} of {limit}, with {taken.count()} submissions, {free} free"


def _never_started(submissions: SubmissionQuerySet) -> SubmissionQuerySet:
    """Called back before any host had them, which no rule has to be asked for: no job was ever claimed."""
    claimed = Job.objects.filter(run__submission=OuterRef("pk"), run__generation=1, attempt__gt=0)
    return submissions.filter(verdict=Verdict.CANCELLED).exclude(Exists(claimed))


def _of_crowds() -> Iterator[str]:
    """On one day as many as a day takes (midnight may pass), and on none more."""
    for place in Participation.objects.filter(contest__slug=mix.CROWDED).select_related("team"):
        costing = quotas.costing(Submission.objects.filter(team=place.team, contest=place.contest_id))
        days = collections.Counter(at.date() for at in costing.values_list("created_at", flat=True))
        if max(days.values(), default=0) != mix.DAILY:
            yield f"team {place.team.name} used {dict(days)} of {mix.DAILY} a day"


def _of_boards(accepted: list[dict[str, str]]) -> Iterator[str]:
    scored = [item["submission"] for item in accepted if mix.BY_NAME[item["entry"]].score is not None]
    rows = Submission.objects.filter(pk__in=scored).values_list("phase_id", "team_id")
    counted = collections.Counter(rows)
    for board in Board.objects.all():
        before = entries_of(board)
        versions = list(board.events.order_by("version").values_list("version", flat=True))
        if versions != list(range(1, board.version + 1)):
            yield f"board {board.pk} is at {board.version}, its events are {versions}"
        shown = {(board.phase_id, entry.team_id): entry.submissions for entry in board.entries.all()}
        if shown != {place: times for place, times in counted.items() if place[0] == board.phase_id}:
            yield f"board {board.pk} counts {shown}, contestants {counted}"
        boards.rebuild(board)
        if entries_of(board) != before:
            yield f"board {board.pk} was {before!r}, rebuilt it is {entries_of(board)!r}"


def entries_of(board: Board) -> bytes:
    """The board as bytes, but for the keys of its rows, which no one sees."""
    rows = BoardEntry.objects.filter(board=board).order_by("team_id")
    fields = ("team_id", "key", "score", "submissions", "best_submission_id", "last_improved_at")
    return json.dumps(list(rows.values_list(*fields)), default=str).encode()


def _of_blobs() -> Iterator[str]:
    for blob in Blob.objects.all():
        path = blobs.path_of(blob.sha256)
        if not path.exists():
            yield f"blob {blob.sha256} has a row and no file"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != blob.sha256:
            yield f"blob {blob.sha256} holds other bytes"


def _figures() -> dict[str, Any]:
    attempts = collections.Counter(Job.objects.values_list("attempt", flat=True))
    again = Run.objects.filter(generation__gt=1)
    called_back = Submission.objects.filter(verdict=Verdict.CANCELLED)
    waiting = _never_started(called_back).count()
    return {
        "submissions": Submission.objects.count(),
        "jobs": Job.objects.count(),
        "attempts": sum(number * times for number, times in attempts.items()),
        "jobs by attempts": {str(number): attempts[number] for number in sorted(attempts)},
        "verdicts": dict(collections.Counter(Submission.objects.values_list("verdict", flat=True))),
        "judged again": dict(collections.Counter(again.values_list("verdict", flat=True))),
        "called back": {"waiting": waiting, "running": called_back.count() - waiting},
    }
