"""Counting a score, reading a standing, rebuilding a board from its events."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from contests.models import Contest, Phase, Submission, TaskVersion
from leaderboard import ranking
from leaderboard.models import Board, BoardEntry, Score, ScoreEvent

PAGE_SIZE = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One line of a board as everybody may see it."""

    rank: int
    team_id: int
    name: str
    score: float
    submissions: int
    last_improved_at: datetime.datetime


def open_boards(phase: Phase) -> None:
    for audience in Board.Audience:
        Board.objects.get_or_create(phase=phase, audience=audience)


def count_score(
    *,
    submission: Submission,
    task_version: TaskVersion,
    public: float,
    private: float,
    feedback: dict[str, Any],
    scorer_digest: str,
    environment: str,
    at: datetime.datetime,
) -> None:
    """Count a score on both boards of its phase. Must run inside the judge's transaction.

    Raises IntegrityError when this submission was counted for this task version before, or a value is not finite.
    """
    Score.objects.create(
        submission=submission,
        task_version=task_version,
        public=public,
        private=private,
        feedback=feedback,
        scorer_digest=scorer_digest,
        environment=environment,
    )
    for audience, value in ((Board.Audience.PUBLIC, public), (Board.Audience.FINAL, private)):
        _advance(audience=audience, submission=submission, task_version=task_version, value=value, at=at)


def _advance(
    *,
    audience: Board.Audience,
    submission: Submission,
    task_version: TaskVersion,
    value: float,
    at: datetime.datetime,
) -> None:
    # The row lock orders versions: id order is not commit order.
    board = Board.objects.select_for_update().get(phase_id=submission.phase_id, audience=audience)
    Board.objects.filter(pk=board.pk).update(version=F("version") + 1)
    ScoreEvent.objects.create(
        board=board,
        version=board.version + 1,
        team_id=submission.team_id,
        submission=submission,
        value=value,
        at=at,
    )
    entry = BoardEntry.objects.filter(board=board, team_id=submission.team_id).first()
    before = None if entry is None else _standing(entry)
    after = ranking.advance(
        before, key=_key(task_version, value), score=value, submission=submission.pk, at=at
    )
    BoardEntry.objects.update_or_create(board=board, team_id=submission.team_id, defaults=_fields(after))


def _key(task_version: TaskVersion, value: float) -> float:
    metric = task_version.definition
    return ranking.key_of(value, metric.direction, metric.decimals)


def _standing(entry: BoardEntry) -> ranking.Standing:
    return ranking.Standing(
        entry.key, entry.score, entry.submissions, entry.best_submission_id, entry.last_improved_at
    )


def _fields(standing: ranking.Standing) -> dict[str, Any]:
    return {
        "key": standing.key,
        "score": standing.score,
        "submissions": standing.submissions,
        "best_submission_id": standing.best_submission,
        "last_improved_at": standing.last_improved_at,
    }


def public_board(contest: Contest) -> Board | None:
    """The board spectators see: that of the contest's last phase that has one."""
    return (
        Board.objects.filter(phase__contest=contest, audience=Board.Audience.PUBLIC)
        .select_related("phase")
        .order_by("-phase__position")
        .first()
    )


def rows(board: Board, *, offset: int = 0, limit: int = PAGE_SIZE) -> list[Row]:
    """Rows of a board in rank order, from position `offset` (0-based). Three queries whatever the size."""
    entries = list(
        board.entries.select_related("team").order_by("key", "last_improved_at", "team_id")[
            offset : offset + limit
        ]
    )
    if not entries:
        return []
    ranks = ranking.shared_ranks([entry.key for entry in entries], first=offset + 1)
    if offset:
        # A tie may begin on an earlier page: the rank of the first key counts only the strictly better.
        better = board.entries.filter(key__lt=entries[0].key).count() + 1
        ranks = [
            better if entry.key == entries[0].key else rank
            for entry, rank in zip(entries, ranks, strict=True)
        ]
    return [
        Row(rank, entry.team_id, entry.team.name, entry.score, entry.submissions, entry.last_improved_at)
        for entry, rank in zip(entries, ranks, strict=True)
    ]


def row_of(board: Board, team_id: int) -> Row | None:
    """One team's own row; its rank is one more than the number of strictly better teams."""
    entry = board.entries.select_related("team").filter(team_id=team_id).first()
    if entry is None:
        return None
    rank = board.entries.filter(key__lt=entry.key).count() + 1
    return Row(rank, entry.team_id, entry.team.name, entry.score, entry.submissions, entry.last_improved_at)


def recomputed(board: Board) -> dict[int, ranking.Standing]:
    """What the entries of a board must be, from its events alone."""
    versions = {
        score.submission_id: score.task_version
        for score in Score.objects.filter(submission__phase_id=board.phase_id).select_related("task_version")
    }
    events = ScoreEvent.objects.filter(board=board).order_by("version")
    return ranking.fold(
        (e.team_id, _key(versions[e.submission_id], e.value), e.value, e.submission_id, e.at) for e in events
    )


def materialised(board: Board) -> dict[int, ranking.Standing]:
    return {entry.team_id: _standing(entry) for entry in board.entries.all()}


@transaction.atomic
def rebuild(board: Board) -> None:
    """Write a board anew from its events and start a new epoch, so that every spectator fetches it whole."""
    locked = Board.objects.select_for_update().get(pk=board.pk)
    locked.entries.all().delete()
    for team_id, standing in recomputed(locked).items():
        BoardEntry.objects.create(board=locked, team_id=team_id, **_fields(standing))
    Board.objects.filter(pk=board.pk).update(epoch=F("epoch") + 1, version=F("version") + 1)
