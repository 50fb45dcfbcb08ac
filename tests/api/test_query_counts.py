"""A list costs the same queries with thirty rows as with three."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import tokens
from accounts.models import User
from contests.models import Contest, DataFile, Phase
from tests.api.world import World, make_world
from tests.builders import (
    fill_board,
    make_blob,
    make_contest,
    make_environment,
    make_starter,
    make_submission,
    task_version_of,
)

pytestmark = pytest.mark.django_db
FEW, MANY = 3, 30


@pytest.fixture
def world() -> World:
    return make_world()


def contests(world: World, number: int) -> None:
    make_contest(f"more-{number}")


def submissions(world: World, number: int) -> None:
    make_submission(world.contest, world.submission.user, status="FINISHED", files={"a.csv": b"1"})


def contestants(world: World, number: int) -> None:
    fill_board(world.contest, 1)


def phases(world: World, number: int) -> None:
    first = world.contest.phases.order_by("position").first()
    assert first is not None
    Phase.objects.create(contest=world.contest, position=100 + number, starts_at=first.starts_at)


def files(world: World, number: int) -> None:
    version = task_version_of(world.contest)
    DataFile.objects.create(task_version=version, name=f"{number}.csv", blob=make_blob(b"1"))


def starters(world: World, number: int) -> None:
    make_starter(world.contest, f"{number}.py", environment=make_environment())


def environments(world: World, number: int) -> None:
    make_environment(version=f"v{number}")


def api_tokens(world: World, number: int) -> None:
    tokens.create_api_token(user=User.objects.get(username="organiser"), name=str(number))


@pytest.mark.parametrize(
    ("path", "add"),
    [
        ("contests/", contests),
        ("contests/?mine=true&state=open&search=u&ordering=title", submissions),
        ("contests/fuzzed/", files),
        ("contests/fuzzed/data/", files),
        ("contests/fuzzed/starter/", starters),
        ("contests/fuzzed/phases/", phases),
        ("contests/fuzzed/participants/", contestants),
        ("contests/fuzzed/submissions/", contestants),
        ("contests/fuzzed/tasks/", files),
        ("contests/fuzzed/usage/contestants/", contestants),
        ("contests/fuzzed/leaderboard/", contestants),
        ("environments/", environments),
        ("me/tokens/", api_tokens),
    ],
)
def test_a_list_costs_the_same_however_long_it_is(
    world: World, path: str, add: Callable[[World, int], None]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = Client().get(f"/api/v1/{path}", headers=headers)
        assert answer.status_code == 200
        return len(captured)

    headers = {name.lower(): text for name, text in world.headers("organiser").items()}
    Client().get("/api/v1/me/", headers=headers)  # the token is marked as used once a minute
    for number in range(FEW):
        add(world, number)
    before = queries()
    for number in range(FEW, MANY):
        add(world, number)
    assert queries() == before
    assert before <= 12
    assert Contest.objects.exists()
