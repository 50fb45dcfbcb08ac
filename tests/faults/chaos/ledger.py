"""Run on the stack's own database: is everything that was accepted judged once, rightly, and counted once?

`wait` returns when nothing is under way any more; `violations` compares the database with what contestants were told.
"""

from __future__ import annotations

import collections
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contests import blobs
from contests.models import Blob, Participation, Submission
from judge import quotas
from judge.models import Job, Run
from leaderboard import boards
from leaderboard.models import Board, BoardEntry, Score, ScoreEvent
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
    found = [*_of_submissions(raw["accepted"]), *_of_quotas(raw["quota"]), *_of_boards(), *_of_blobs()]
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
    runs = list(Run.objects.filter(submission=submission))
    if [(run.status, run.verdict) for run in runs] != [(submission.status, submission.verdict)]:
        yield f"its runs say {[(run.status, run.verdict) for run in runs]}"
    counted = int(entry.score is not None)
    for model, times in ((Score, counted), (ScoreEvent, BOARDS_OF_A_SCORE * counted)):
        if (found := model.objects.filter(submission=submission).count()) != times:
            yield f"{found} {model.__name__}s instead of {times}"
    live = Job.objects.filter(run__submission=submission, status__in=LIVE)
    yield from (f"its {job.kind} job is {job.status}, attempt {job.attempt}" for job in live)


def _of_quotas(limit: int) -> Iterator[str]:
    for place in Participation.objects.filter(contest__slug=mix.CONTEST).select_related("team"):
        phase = place.contest.phases.get()
        used = quotas.costing(Submission.objects.filter(team=place.team, phase=phase)).count()
        taken = Submission.objects.filter(team=place.team, phase=phase).count()
        if (used, taken) != (limit, limit):
            yield f"team {place.team.name} used {used} of {limit}, with {taken} submissions"


def _of_boards() -> Iterator[str]:
    for board in Board.objects.all():
        before = entries_of(board)
        versions = list(board.events.order_by("version").values_list("version", flat=True))
        if versions != list(range(1, board.version + 1)):
            yield f"board {board.pk} is at {board.version}, its events are {versions}"
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
    return {
        "submissions": Submission.objects.count(),
        "jobs": Job.objects.count(),
        "attempts": sum(number * times for number, times in attempts.items()),
        "jobs by attempts": {str(number): attempts[number] for number in sorted(attempts)},
        "verdicts": dict(collections.Counter(Submission.objects.values_list("verdict", flat=True))),
    }
