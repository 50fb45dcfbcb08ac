"""Nothing that a broker or a connection to it loses stays unnoticed."""

from __future__ import annotations

import time
from pathlib import Path

import redis

from live.feed import CHECK_EVERY_S
from live.publish import Publisher
from tests.live.client import WAIT_S, Broker, Listener, StartHub
from tests.live.wire import Wire

NOTICED_S = CHECK_EVERY_S + WAIT_S


def publish(publisher: Publisher, version: int) -> bool:
    return publisher.publish("board.1", 1, version, "board", {"v": version})


def up_to_date(start_hub: StartHub, publisher: Publisher) -> Listener:
    publish(publisher, 1)
    listener = start_hub().listen("board.1")
    assert listener.next().id == "1-1"
    return listener


def until_published(publisher: Publisher, version: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while not publish(publisher, version):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def drop_subscriptions(client: redis.Redis) -> None:
    assert client.client_kill_filter(_type="pubsub")


def test_a_broker_that_comes_back_empty_resets_the_listeners(
    start_hub: StartHub, publisher: Publisher, broker: Broker
) -> None:
    listener = up_to_date(start_hub, publisher)
    broker.kill()
    assert not publish(publisher, 2)
    broker.start()
    event = listener.next(NOTICED_S)
    assert (event.id, event.name) == ("", "reset")
    until_published(publisher, 3)
    assert listener.next().id == "1-3"


def test_an_event_published_while_the_subscription_was_down_is_noticed(
    start_hub: StartHub, publisher: Publisher, redis_client: redis.Redis
) -> None:
    listener = up_to_date(start_hub, publisher)
    # In one transaction, so that the hub has no chance to be back in between.
    with redis_client.pipeline(transaction=True) as pipe:
        pipe.client_kill_filter(_type="pubsub")
        pipe.set("live:current:board.1", "1-2")
        pipe.publish("live:board.1", ": after 1-1\nid: 1-2\nevent: board\ndata: {}\n\n")
        pipe.execute()
    event = listener.next(NOTICED_S)
    assert (event.id, event.name) == ("1-2", "reset")


def test_an_event_that_never_came_is_found_by_the_check_alone(
    start_hub: StartHub, publisher: Publisher, redis_client: redis.Redis
) -> None:
    listener = up_to_date(start_hub, publisher)
    redis_client.set("live:current:board.1", "1-2")
    event = listener.next(NOTICED_S)
    assert (event.id, event.name) == ("1-2", "reset")


def test_an_event_whose_predecessor_never_came_resets_at_once(
    start_hub: StartHub, publisher: Publisher, redis_client: redis.Redis
) -> None:
    listener = up_to_date(start_hub, publisher)
    with redis_client.pipeline(transaction=True) as pipe:
        pipe.set("live:current:board.1", "1-3")
        pipe.publish("live:board.1", ": after 1-2\nid: 1-3\nevent: board\ndata: {}\n\n")
        pipe.execute()
    event = listener.next()
    assert (event.id, event.name) == ("1-3", "reset")


def test_a_lost_subscription_without_a_lost_event_resets_nobody(
    start_hub: StartHub, publisher: Publisher, redis_client: redis.Redis
) -> None:
    listener = up_to_date(start_hub, publisher)
    drop_subscriptions(redis_client)
    deadline = time.monotonic() + WAIT_S
    while redis_client.pubsub_numpat() == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    publish(publisher, 2)
    event = listener.next()
    assert (event.id, event.name) == ("1-2", "board")


def test_checks_amid_a_burst_of_events_reset_nobody(start_hub: StartHub, publisher: Publisher) -> None:
    publish(publisher, 1)
    hub = start_hub()
    assert hub.listen("board.1").next().name == "reset"
    listeners = []
    for number in range(2, 200):
        publish(publisher, number)
        if number % 10 == 0:
            listeners.append(hub.listen(f"board.1?v=1-{number}"))
            hub.listen(f"board.9{number}")  # the first stream of a topic makes the hub ask at once
    publish(publisher, 200)
    for start, listener in zip(range(10, 200, 10), listeners, strict=True):
        # The page may have been ahead of the hub; it then also gets what it has.
        ids = [listener.next().id]
        while ids[-1] != "1-200":
            ids.append(listener.next().id)
        assert ids == [f"1-{number}" for number in range(201 - len(ids), 201)]
        assert len(ids) >= 200 - start
        assert b"reset" not in listener.raw


def test_a_hub_without_a_broker_takes_listeners_and_resets_them_when_it_comes(
    start_hub: StartHub, publisher: Publisher, broker: Broker
) -> None:
    broker.kill()
    listener = start_hub().listen("board.1?v=1-1")
    assert listener.status == 200
    assert listener.next_or_none(0.5) is None
    broker.start()
    assert listener.next(NOTICED_S).name == "reset"


def test_a_client_that_held_the_current_state_is_left_alone_when_the_broker_comes(
    start_hub: StartHub, publisher: Publisher, broker: Broker
) -> None:
    broker.kill()
    hub = start_hub()
    current, old = hub.listen("board.1?v=1-5"), hub.listen("board.1?v=1-4")
    broker.start()
    until_published(publisher, 5)
    assert old.next(NOTICED_S).name == "reset"
    until_published(publisher, 6)
    assert current.next(NOTICED_S).id in {"1-5", "1-6"}


def test_a_deaf_subscription_is_replaced(
    start_hub: StartHub, publisher: Publisher, broker: Broker, tmp_path: Path
) -> None:
    publish(publisher, 1)
    with Wire(tmp_path / "wire.sock", broker.url) as wire:
        listener = start_hub(redis_url=wire.url).listen("board.1")
        assert listener.next().id == "1-1"
        wire.mute_subscriptions()
        publish(publisher, 2)
        event = listener.next(NOTICED_S)
        assert (event.id, event.name) == ("1-2", "reset")
        publish(publisher, 3)
        assert listener.next().id == "1-3"


def test_two_hub_processes_tell_the_same(start_hub: StartHub, publisher: Publisher) -> None:
    publish(publisher, 1)
    listeners = [start_hub().listen("board.1") for _ in range(2)]
    assert [listener.next().name for listener in listeners] == ["reset"] * 2
    for version in range(2, 20):
        publish(publisher, version)
    for listener in listeners:
        assert [listener.next().id for _ in range(18)] == [f"1-{version}" for version in range(2, 20)]


def test_a_message_that_is_no_event_is_ignored(
    start_hub: StartHub, publisher: Publisher, redis_client: redis.Redis
) -> None:
    listener = up_to_date(start_hub, publisher)
    for odd in (b"", b"\xff\xfe", b"id: 1-2\nevent: board\n", b": after 1-1\nid: x\nevent: y\ndata: z\n\n"):
        redis_client.publish("live:board.1", odd)
    publish(publisher, 2)
    assert listener.next().id == "1-2"
