"""Boards: what is counted, what is shown, and that every number can be recomputed."""

from __future__ import annotations

import datetime
import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contests.models import Contest
from leaderboard import boards
from leaderboard.models import Board, BoardEntry
from tests.builders import fill_board, make_contest, make_submission, make_user

pytestmark = pytest.mark.django_db


def public(contest: Contest) -> Board:
    board = boards.public_board(contest)
    assert board is not None
    return board


def final(contest: Contest) -> Board:
    return Board.objects.get(phase__contest=contest, audience="final")


def scored(
    contest: Contest, name: str, value: float, *, minute: int = 0, private: float | None = None
) -> None:
    from accounts.models import User  # noqa: PLC0415

    user = User.objects.filter(username=name).first() or make_user(name)
    make_submission(
        contest,
        user,
        status="FINISHED",
        public_score=value,
        private_score=private,
        created_at=timezone.now() - datetime.timedelta(hours=1) + datetime.timedelta(minutes=minute),
    )


def table(board: Board) -> list[tuple[int, str, float]]:
    return [(row.rank, row.name, row.score) for row in boards.rows(board)]


def test_a_metric_that_is_minimised_puts_the_smallest_first() -> None:
    contest = make_contest(metric="rmse")
    scored(contest, "a", 60.0)
    scored(contest, "b", 55.0)
    assert table(public(contest)) == [(1, "b", 55.0), (2, "a", 60.0)]


def test_a_tie_shares_the_rank_and_the_earlier_stands_first() -> None:
    contest = make_contest()
    scored(contest, "late", 0.9, minute=2)
    scored(contest, "early", 0.9, minute=1)
    scored(contest, "third", 0.8)
    assert table(public(contest)) == [(1, "early", 0.9), (1, "late", 0.9), (3, "third", 0.8)]


def test_the_best_submission_counts_not_the_last() -> None:
    contest = make_contest()
    scored(contest, "a", 0.9)
    scored(contest, "a", 0.5, minute=1)
    assert [(r.score, r.submissions) for r in boards.rows(public(contest))] == [(0.9, 2)]


def test_public_and_final_boards_rank_by_their_own_scores() -> None:
    contest = make_contest()
    scored(contest, "overfit", 0.99, private=0.5)
    scored(contest, "honest", 0.9, private=0.9)
    assert [name for _, name, _ in table(public(contest))] == ["overfit", "honest"]
    assert [name for _, name, _ in table(final(contest))] == ["honest", "overfit"]


def test_a_tie_that_crosses_a_page_keeps_its_rank() -> None:
    contest = make_contest()
    for minute in range(5):
        scored(contest, f"u{minute}", 0.9 if minute else 0.95, minute=minute)
    assert [row.rank for row in boards.rows(public(contest), offset=3, limit=2)] == [2, 2]


def test_each_counted_score_makes_the_next_version() -> None:
    contest = make_contest()
    for number in range(3):
        scored(contest, "a", 0.5 + number / 10, minute=number)
    board = public(contest)
    assert board.version == 3
    assert list(board.events.values_list("version", flat=True)) == [1, 2, 3]


@pytest.mark.parametrize("seed", range(5))
def test_the_incremental_board_equals_one_rebuilt_from_its_events(seed: int) -> None:
    chance = random.Random(seed)
    contest = make_contest(metric="rmse" if seed % 2 else "accuracy")
    for _ in range(30):
        scored(contest, f"team{chance.randrange(6)}", round(chance.random(), 2), minute=chance.randrange(50))
    for board in (public(contest), final(contest)):
        incremental = boards.materialised(board)
        assert incremental == boards.recomputed(board)
        boards.rebuild(board)
        assert boards.materialised(board) == incremental


def test_a_rebuild_repairs_drift_and_starts_a_new_epoch() -> None:
    contest = make_contest()
    scored(contest, "a", 0.7)
    board = public(contest)
    before = boards.materialised(board)
    BoardEntry.objects.filter(board=board).update(score=0.99, key=-0.99)
    boards.rebuild(board)
    board.refresh_from_db()
    assert boards.materialised(board) == before
    assert board.epoch == 2


def test_a_page_costs_the_same_queries_at_any_size() -> None:
    contest = make_contest()
    fill_board(contest, 3)
    with CaptureQueriesContext(connection) as few:
        boards.rows(public(contest))
    fill_board(contest, 40, best=0.5)
    with CaptureQueriesContext(connection) as many:
        boards.rows(public(contest))
    assert len(few) == len(many)
