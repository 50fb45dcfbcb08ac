"""The site's side: numbering, order, and calm when the broker is away."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import redis

from live.publish import Publisher
from tests.live.client import Broker, HubProcess, StartHub


def current(client: redis.Redis, topic: str) -> str:
    found = client.get(f"live:current:{topic}")
    assert isinstance(found, bytes)
    return found.decode()


def test_a_version_that_is_not_newer_is_dropped(
    hub: HubProcess, publisher: Publisher, redis_client: redis.Redis
) -> None:
    assert publisher.publish("board.1", 1, 10, "board", {})
    listener = hub.listen("board.1")
    listener.next()
    assert publisher.publish("board.1", 1, 9, "board", {})
    assert publisher.publish("board.1", 1, 10, "board", {})
    assert publisher.publish("board.1", 1, 11, "board", {})
    assert listener.next().id == "1-11"
    assert current(redis_client, "board.1") == "1-11"


def test_the_broker_numbers_events_and_never_gives_a_number_twice(
    publisher: Publisher, redis_client: redis.Redis
) -> None:
    seen = []
    for _ in range(50):
        publisher.publish_next("submission.1", "log", {})
        seen.append(current(redis_client, "submission.1"))
    redis_client.flushall()  # a broker that comes back empty has forgotten what it gave
    publisher.publish_next("submission.1", "log", {})
    seen.append(current(redis_client, "submission.1"))
    versions = [int(text.removeprefix("t-")) for text in seen]
    assert versions == sorted(set(versions))
    assert redis_client.ttl("live:current:submission.1") > 0


def test_events_numbered_by_the_broker_are_replayed(hub: HubProcess, publisher: Publisher) -> None:
    publisher.publish_next("board.1", "log", {"n": 0})
    stays = hub.listen("board.1")
    held = stays.next().id
    for number in (1, 2, 3):
        publisher.publish_next("board.1", "log", {"n": number})
    assert [stays.next().json["n"] for _ in range(3)] == [1, 2, 3]
    late = hub.listen("board.1", Last_Event_ID=held)
    assert [late.next().json["n"] for _ in range(3)] == [1, 2, 3]


def test_a_publication_that_failed_makes_the_next_one_a_reset(
    start_hub: StartHub, publisher: Publisher, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker was up all the time (only this publisher could not reach it), so the hub sees no other sign."""
    publisher.publish("board.1", 1, 1, "board", {})
    listener = start_hub().listen("board.1")
    listener.next()
    away = Publisher.from_url(broker.url)
    socket_path = Path(broker.url.removeprefix("unix://"))
    hidden = socket_path.rename(socket_path.with_name("hidden"))
    assert not away.publish("board.1", 1, 2, "board", {})
    hidden.rename(socket_path)
    assert away.publish("board.1", 1, 3, "board", {})
    event = listener.next()
    assert (event.id, event.name) == ("1-3", "reset")
    assert away.publish("board.1", 1, 4, "board", {})
    event = listener.next()
    assert (event.id, event.name) == ("1-4", "board")


def test_a_dead_broker_is_false_and_one_line_a_minute(
    broker: Broker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher.from_url(broker.url)
    broker.kill()
    now = 1000.0
    monkeypatch.setattr("live.publish.time.monotonic", lambda: now)
    with caplog.at_level(logging.WARNING, "podium.live"):
        for _ in range(3):
            assert publisher.publish("board.1", 1, 1, "board", {}) is False
            assert publisher.publish_next("submission.1", "log", {}) is False
        assert len(caplog.records) == 1
        now += 61
        publisher.publish_next("submission.1", "log", {})
        assert len(caplog.records) == 2


def test_a_publisher_outlives_a_restart_of_the_broker(broker: Broker) -> None:
    publisher = Publisher.from_url(broker.url)
    assert publisher.publish("board.1", 1, 1, "board", {})
    broker.kill()
    broker.start()
    assert publisher.publish("board.1", 1, 2, "board", {})
