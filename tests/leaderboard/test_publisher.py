"""The publisher: what spectators are told, how often, by whom."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.utils import timezone

from contests.models import Contest
from leaderboard import boards
from leaderboard.publisher import BoardPublisher, delta
from tests.builders import fill_board, make_contest, make_submission, make_user
from tests.valkey import running_valkey

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def broker(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("v")) as url:
        yield url


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Spectator:
    """Hears what a topic's channel carries."""

    def __init__(self, url: str, topic: str) -> None:
        self._pubsub = redis.Redis.from_url(url).pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(f"live:{topic}")
        self._pubsub.get_message(timeout=1)

    def heard(self) -> list[dict[str, Any]]:
        found = []
        while (message := self._pubsub.get_message(timeout=0.2)) is not None:
            lines = message["data"].decode().splitlines()
            found.append(json.loads("".join(line[6:] for line in lines if line.startswith("data: "))))
        return found


@pytest.fixture
def contest(broker: str) -> Contest:
    redis.Redis.from_url(broker).flushall()
    return make_contest()


def spectator(broker: str, contest: Contest) -> Spectator:
    board = boards.public_board(contest)
    assert board is not None
    return Spectator(broker, board.topic)


def test_the_first_word_is_a_tick_and_later_words_are_what_changed(broker: str, contest: Contest) -> None:
    clock = Clock()
    publisher, hears = BoardPublisher(broker, clock=clock), spectator(broker, contest)
    fill_board(contest, 2)
    publisher.step()
    assert hears.heard() == [{"v": 2}]
    make_submission(contest, make_user("top"), status="FINISHED", public_score=0.999)
    clock.now += 1
    publisher.step()
    (said,) = hears.heard()
    assert said["v"] == 3
    assert tuple(said["changed"][0][1:4]) == (1, "top", 0.999)
    assert len(said["changed"]) == 3  # the others moved down one rank


def test_many_changes_within_a_second_are_told_once(broker: str, contest: Contest) -> None:
    clock = Clock()
    publisher, hears = BoardPublisher(broker, clock=clock), spectator(broker, contest)
    fill_board(contest, 1)
    publisher.step()
    hears.heard()
    for number in range(5):
        make_submission(contest, make_user(f"u{number}"), status="FINISHED", public_score=0.1 * number)
        clock.now += 0.1
        due_in = publisher.step()
    assert hears.heard() == []
    assert 0 < due_in <= 0.5
    clock.now += 0.5
    publisher.step()
    assert [said["v"] for said in hears.heard()] == [6]


def test_a_publisher_without_the_lease_says_nothing(broker: str, contest: Contest) -> None:
    first, second = BoardPublisher(broker), BoardPublisher(broker)
    hears = spectator(broker, contest)
    assert first.holds_lease()
    fill_board(contest, 1)
    second.step()
    assert hears.heard() == []
    first.close()
    second.step()
    assert [said["v"] for said in hears.heard()] == [1]


def test_a_private_score_never_reaches_the_public_topic(broker: str, contest: Contest) -> None:
    clock = Clock()
    publisher, hears = BoardPublisher(broker, clock=clock), spectator(broker, contest)
    fill_board(contest, 1)
    publisher.step()
    make_submission(contest, make_user(), status="FINISHED", public_score=0.5, private_score=0.123456)
    clock.now += 1
    publisher.step()
    assert "0.123456" not in json.dumps(hears.heard())


def test_a_delta_that_would_be_too_long_is_a_tick() -> None:
    at = timezone.now().isoformat()
    rows = {team: [team, team, f"team {team}", 0.5, 1, at] for team in range(100)}
    assert delta({}, rows, 9) == {"v": 9}
    assert delta(rows, rows, 9) == {"v": 9, "changed": [], "removed": []}
    assert delta(None, rows, 9) == {"v": 9}
    assert delta(rows, {k: v for k, v in rows.items() if k != 3}, 9)["removed"] == [3]


def test_a_new_epoch_is_told_as_a_tick(broker: str, contest: Contest) -> None:
    clock = Clock()
    publisher, hears = BoardPublisher(broker, clock=clock), spectator(broker, contest)
    fill_board(contest, 2)
    publisher.step()
    hears.heard()
    board = boards.public_board(contest)
    assert board is not None
    boards.rebuild(board)
    clock.now += 1
    publisher.step()
    assert hears.heard() == [{"v": 3}]


def test_a_score_that_a_rejudge_took_away_is_told_as_a_row_that_went(broker: str, contest: Contest) -> None:
    clock = Clock()
    publisher, hears = BoardPublisher(broker, clock=clock), spectator(broker, contest)
    first, _second = fill_board(contest, 2)
    publisher.step()
    hears.heard()
    assert boards.withdraw_score(submission=first, generation=2)
    clock.now += 1
    publisher.step()
    (said,) = hears.heard()
    assert (said["v"], said["removed"]) == (3, [first.team_id])
    assert [row[1] for row in said["changed"]] == [1]  # the second moved up


def test_time_is_told_in_a_form_browsers_read(broker: str, contest: Contest) -> None:
    fill_board(contest, 1)
    board = boards.public_board(contest)
    assert board is not None
    from leaderboard.publisher import cells  # noqa: PLC0415

    assert datetime.datetime.fromisoformat(cells(boards.rows(board)[0])[5]).tzinfo is not None


def test_the_board_of_a_contest_that_is_not_published_is_told_to_nobody(
    broker: str, contest: Contest
) -> None:
    hears = spectator(broker, contest)
    fill_board(contest, 1)
    contest.published = False
    contest.save()
    BoardPublisher(broker).step()
    assert hears.heard() == []
