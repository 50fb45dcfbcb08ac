"""`python -m benchmarks.board_seed SLUG=ENTRIES …` fills boards at once; prints who reads them, as JSON.

Each contest has that many teams of one, each with one scored submission; the reader stands in the middle. The rows
are those that judging writes (leaderboard.boards.count_score), written in bulk.
"""

from __future__ import annotations

import datetime as dt
import json
import sys

import django

django.setup()

from django.db import transaction  # noqa: E402 - after Django is ready
from django.utils import timezone  # noqa: E402

from accounts import tokens  # noqa: E402
from accounts.models import User  # noqa: E402
from contests.models import Participation, Submission, Team  # noqa: E402
from leaderboard.models import Board, BoardEntry, ScoreEvent  # noqa: E402
from tests import builders  # noqa: E402

READER = "reader"


@transaction.atomic
def fill(slug: str, count: int, reader: User) -> None:
    contest = builders.make_contest(slug, metric="accuracy")
    phase, version = builders.phase_of(contest), builders.task_version_of(contest)
    people = User.objects.bulk_create(
        User(username=f"{slug}-{n:05d}", email=f"{slug}-{n}@example.org") for n in range(count - 1)
    )
    people.insert(count // 2, reader)
    teams = Team.objects.bulk_create(
        Team(contest=contest, name=f"Team {n} of the {slug}", name_key=f"team {n} of the {slug}")
        for n in range(count)
    )
    Participation.objects.bulk_create(
        Participation(contest=contest, user=user, team=team) for user, team in zip(people, teams, strict=True)
    )
    blob, start = builders.make_blob(b"id,target\n3,1\n4,0\n"), timezone.now() - dt.timedelta(days=1)
    submissions = Submission.objects.bulk_create(
        Submission(
            contest=contest,
            phase=phase,
            team=team,
            user=user,
            kind="predictions",
            filename="predictions.csv",
            blob=blob,
            environment=version.environment,
            created_at=start + dt.timedelta(seconds=n),
            status="FINISHED",
            verdict="SCORED",
            public_score=score_of(n, count),
            private_score=score_of(n, count),
        )
        for n, (team, user) in enumerate(zip(teams, people, strict=True))
    )
    for board in Board.objects.filter(phase=phase):
        _fill_board(board, submissions)


def score_of(place: int, count: int) -> float:
    """From 0.99 downwards; every tenth ties with the one before it."""
    return 0.99 - (place - (place % 10 == 0 and place > 0)) / (2 * count)


def _fill_board(board: Board, submissions: list[Submission]) -> None:
    ScoreEvent.objects.bulk_create(
        ScoreEvent(
            board=board,
            version=n,
            team_id=made.team_id,
            submission=made,
            value=made.public_score,
            at=made.created_at,
        )
        for n, made in enumerate(submissions, start=1)
    )
    BoardEntry.objects.bulk_create(
        BoardEntry(
            board=board,
            team_id=made.team_id,
            key=-(made.public_score or 0.0),
            score=made.public_score or 0.0,
            submissions=1,
            best_submission=made,
            last_improved_at=made.created_at,
        )
        for made in submissions
    )
    Board.objects.filter(pk=board.pk).update(version=len(submissions))


def main() -> None:
    reader = builders.make_user(READER)
    for argument in sys.argv[1:]:
        slug, _, count = argument.partition("=")
        fill(slug, int(count), reader)
    token = tokens.create_api_token(user=reader)
    json.dump({"name": READER, "password": builders.PASSWORD, "token": token}, sys.stdout)


if __name__ == "__main__":
    main()
