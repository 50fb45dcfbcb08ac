"""Counting a score, reading a standing, rebuilding a board from its events."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

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
    generation: int = 1,
) -> None:
    """Count a score on both boards of its phase; a trial's is kept and on no board. Inside the judge's transaction.

    A rejudge's score, of a later `generation`, stands in place of the submission's earlier ones.
    Raises IntegrityError when this generation of the submission was counted before, or a value is not finite.
    """
    Score.objects.create(
        submission=submission,
        task_version=task_version,
        public=public,
        private=private,
        feedback=feedback,
        scorer_digest=scorer_digest,
        environment=environment,
        generation=generation,
    )
    if submission.trial:
        return
    for audience, value in ((Board.Audience.PUBLIC, public), (Board.Audience.FINAL, private)):
        board = _log(audience, submission, value=value, at=at, generation=generation)
        if generation == 1:
            _advance(board, submission, task_version=task_version, value=value, at=at)
        else:
            _fold_again(board, submission.team_id)


def withdraw_score(*, submission: Submission, generation: int) -> bool:
    """Take a score off the boards, because a rejudge found another verdict. False when none was counted."""
    counted = False
    for audience in Board.Audience:
        events = ScoreEvent.objects.filter(submission=submission, board__audience=audience)
        last = events.order_by("-version").first()
        if last is None or last.value is None:
            continue
        board = _log(audience, submission, value=None, at=last.at, generation=generation)
        _fold_again(board, submission.team_id)
        counted = True
    return counted


def _log(
    audience: str, submission: Submission, *, value: float | None, at: datetime.datetime, generation: int
) -> Board:
    """Add an event, which makes the board's next version."""
    # The row lock orders versions: id order is not commit order.
    board = Board.objects.select_for_update(no_key=True).get(phase_id=submission.phase_id, audience=audience)
    Board.objects.filter(pk=board.pk).update(version=F("version") + 1)
    ScoreEvent.objects.create(
        board=board,
        version=board.version + 1,
        team_id=submission.team_id,
        submission=submission,
        generation=generation,
        value=value,
        at=at,
    )
    return board


def _advance(
    board: Board,
    submission: Submission,
    *,
    task_version: TaskVersion,
    value: float,
    at: datetime.datetime,
) -> None:
    """The usual case, at the same cost however many submissions a team has: one more score."""
    entry = BoardEntry.objects.filter(board=board, team_id=submission.team_id).first()
    before = None if entry is None else _standing(entry)
    after = ranking.advance(
        before, key=_key(task_version, value), score=value, submission=submission.pk, at=at
    )
    BoardEntry.objects.update_or_create(board=board, team_id=submission.team_id, defaults=_fields(after))


def _fold_again(board: Board, team_id: int) -> None:
    """A score was replaced or taken away: the team's entry is made anew from its events."""
    standing = _folded(ScoreEvent.objects.filter(board=board, team_id=team_id)).get(team_id)
    if standing is None:
        BoardEntry.objects.filter(board=board, team_id=team_id).delete()
    else:
        BoardEntry.objects.update_or_create(board=board, team_id=team_id, defaults=_fields(standing))


def _folded(events: QuerySet[ScoreEvent]) -> dict[int, ranking.Standing]:
    """Standings by team. Of several events of a submission the latest counts; one without value says: none."""
    last = {event.submission_id: event for event in events.order_by("version")}
    scores = Score.objects.filter(submission__in=events.values("submission")).select_related("task_version")
    versions = {(score.submission_id, score.generation): score.task_version for score in scores}
    return ranking.fold(
        (
            event.team_id,
            _key(versions[event.submission_id, event.generation], event.value),
            event.value,
            event.submission_id,
            event.at,
        )
        for event in last.values()
        if event.value is not None
    )


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
    """Rows of a board in rank order, from position `offset` (0-based). Few queries whatever the size."""
    entries = list(
        board.entries.prefetch_related("team").order_by("key", "last_improved_at", "team_id")[
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
    return _folded(ScoreEvent.objects.filter(board=board))


def materialised(board: Board) -> dict[int, ranking.Standing]:
    return {entry.team_id: _standing(entry) for entry in board.entries.all()}


@transaction.atomic
def rebuild(board: Board) -> None:
    """Write a board anew from its events and start a new epoch, so that every spectator fetches it whole."""
    locked = Board.objects.select_for_update(no_key=True).get(pk=board.pk)
    locked.entries.all().delete()
    for team_id, standing in recomputed(locked).items():
        BoardEntry.objects.create(board=locked, team_id=team_id, **_fields(standing))
    Board.objects.filter(pk=board.pk).update(epoch=F("epoch") + 1, version=F("version") + 1)
