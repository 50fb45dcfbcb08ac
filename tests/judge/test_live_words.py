"""What the judge says on a submission's own topic, heard on a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import current_app
from django.conf import settings

from judge import bell, feed, pacing, tasks
from live.breaker import BROKER
from operations import broker_address
from tests.builders import make_contest, make_pool, make_submission, make_user
from tests.judge.host import Host
from tests.valkey import running_valkey

pytestmark = pytest.mark.django_db(transaction=True)


def forget_clients() -> None:
    """Tests before this one had another broker, or none."""
    for client in (feed._publisher, bell._publisher, bell.client):
        client.cache_clear()
    current_app._after_fork()  # type: ignore[attr-defined]  # forgets its connections: nothing public does


@pytest.fixture
def broker(
    services: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("v")) as url:
        monkeypatch.setattr(settings, "REDIS_URL", url)
        monkeypatch.setattr(BROKER, "_closed_until", 0.0)
        monkeypatch.setattr(current_app.conf, "broker_url", broker_address.for_celery(url))
        forget_clients()
        yield url
    forget_clients()


class Page:
    def __init__(self, url: str, submission_id: object) -> None:
        self._pubsub = redis.Redis.from_url(url).pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(f"live:submission.{submission_id}")
        self._pubsub.get_message(timeout=1)

    def heard(self) -> list[tuple[str, dict[str, Any]]]:
        found = []
        while (message := self._pubsub.get_message(timeout=0.3)) is not None:
            lines = message["data"].decode().splitlines()
            name = next(line[7:] for line in lines if line.startswith("event: "))
            found.append((name, json.loads("".join(line[6:] for line in lines if line.startswith("data: ")))))
        return found


def test_the_owner_hears_each_status_and_the_log_but_never_the_scorers_words(broker: str) -> None:
    submission = make_submission(make_contest(), make_user())
    page, host = Page(broker, submission.pk), Host()
    spec = host.must_claim()
    host.heartbeat(spec, log=b"epoch 1\n")
    host.run_well(spec)
    scoring = host.must_claim("scoring")
    host.heartbeat(scoring, log=b"all private rows are sevens\n")
    host.score_well(scoring)
    heard = page.heard()
    assert [data["status"] for name, data in heard if name == "status"] == [
        "RUNNING",
        "SCORING",
        "SCORING",
        "FINISHED",
    ]
    assert ("log", {"offset": 0, "end": 8, "text": "epoch 1\n"}) in heard
    assert "sevens" not in json.dumps(heard)
    assert "private" not in json.dumps(heard)


def test_those_who_wait_hear_their_new_place(broker: str) -> None:
    contest = make_contest()
    first, second = (make_submission(contest, make_user(name)) for name in ("a", "b"))
    page = Page(broker, second.pk)
    Host().must_claim()
    assert ("position", {"queue_position": 1, "queue_estimate": None}) in page.heard()
    assert first.pk != second.pk


def test_places_that_move_often_are_told_once_a_second_and_the_last_of_them_for_sure(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "EVERY_S", 600)  # a second that a busy machine cannot miss
    contest = make_contest()
    *_, last = (make_submission(contest, make_user(f"u{number}")) for number in range(5))
    page = Page(broker, last.pk)
    for _ in range(4):
        Host().must_claim()
    told = [data["queue_position"] for name, data in page.heard() if name == "position"]
    assert told == [4]
    with redis.Redis.from_url(broker) as client:
        (message,) = (json.loads(each) for each in client.lrange("judge", 0, -1))
    assert message["headers"]["task"] == pacing.TASK
    tasks.places(make_pool("cpu").pk)  # as the worker does when that second is over
    told = [data["queue_position"] for name, data in page.heard() if name == "position"]
    assert told == [1]
    Host().must_claim()
    with redis.Redis.from_url(broker) as client:
        assert client.llen("judge") == 2  # what moves after a telling is told by another


def test_the_owner_hears_the_usage_of_the_run_in_small_pieces_and_none_of_the_scorers(broker: str) -> None:
    submission = make_submission(make_contest(), make_user())
    page, host = Page(broker, submission.pk), Host()
    spec = host.must_claim()
    samples = [[at, at * 1.23456, at * 1.23456, 10**10 + at, 10**9, None, None] for at in range(100)]
    host.heartbeat(spec, samples=samples)
    host.run_well(spec)
    scoring = host.must_claim("scoring")
    host.heartbeat(scoring, samples=samples)
    told = [data for name, data in page.heard() if name == "usage"]
    assert all(data["attempt"] == 1 for data in told)
    assert [sample for data in told for sample in data["samples"]] == samples
    assert max(len(json.dumps(data)) for data in told) < 4096
