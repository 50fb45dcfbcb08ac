"""What a client is told when it connects, by what it already has."""

from __future__ import annotations

from live.publish import Publisher
from live.ring import REPLAY_MAX_BYTES, RING_EVENTS
from tests.live.client import HubProcess, Listener


def publish(publisher: Publisher, *versions: int, epoch: int = 1, text: str = "") -> None:
    for version in versions:
        assert publisher.publish("board.1", epoch, version, "board", {"v": version, "text": text})


def settled(hub: HubProcess, at: str) -> Listener:
    """A listener that is up to date, so that the hub keeps what comes from now on."""
    listener = hub.listen(f"board.1?v={at}")
    assert listener.status == 200
    return listener


def witness(hub: HubProcess, publisher: Publisher) -> Listener:
    """A listener at 1-1 that the hub has compared with the broker."""
    publish(publisher, 1)
    listener = hub.listen("board.1")
    assert listener.next().name == "reset"
    return listener


def test_a_stream_has_the_headers_that_proxies_and_caches_need(hub: HubProcess) -> None:
    headers = hub.listen("board.1").response.headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"


def test_an_event_reaches_a_listener_with_its_id_name_and_data(hub: HubProcess, publisher: Publisher) -> None:
    listener = witness(hub, publisher)
    publish(publisher, 2, text="第二")
    event = listener.next()
    assert (event.id, event.name, event.json) == ("1-2", "board", {"v": 2, "text": "第二"})


def test_a_client_without_an_id_is_told_to_reset_and_where_it_then_stands(
    hub: HubProcess, publisher: Publisher
) -> None:
    publish(publisher, 3)
    event = hub.listen("board.1").next()
    assert (event.id, event.name, event.json) == ("1-3", "reset", {"at": "1-3"})


def test_a_client_that_is_up_to_date_gets_just_the_next_event(hub: HubProcess, publisher: Publisher) -> None:
    publish(publisher, 1)
    listener = hub.listen("board.1?v=1-1")
    assert listener.next_or_none(0.3) is None
    publish(publisher, 2)
    assert listener.next().id == "1-2"


def test_a_returning_client_gets_exactly_what_it_missed(hub: HubProcess, publisher: Publisher) -> None:
    stays = witness(hub, publisher)
    publish(publisher, 2, 3, 7)  # versions of one epoch rise, not by one
    assert [stays.next().id for _ in range(3)] == ["1-2", "1-3", "1-7"]
    by_header = hub.listen("board.1", Last_Event_ID="1-2")
    assert [by_header.next().id for _ in range(2)] == ["1-3", "1-7"]
    by_query = hub.listen("board.1?v=1-1")
    assert [by_query.next().id for _ in range(3)] == ["1-2", "1-3", "1-7"]
    # The browser's own header is newer than the page's query.
    assert hub.listen("board.1?v=1-1", Last_Event_ID="1-3").next().id == "1-7"
    publish(publisher, 8)
    assert [listener.next().id for listener in (stays, by_header, by_query)] == ["1-8"] * 3


def test_what_was_missed_between_two_visits_is_replayed_though_nobody_listened(
    hub: HubProcess, publisher: Publisher
) -> None:
    first = witness(hub, publisher)
    publish(publisher, 2)
    first.next()
    first.close()
    publish(publisher, 3, 4)
    again = hub.listen("board.1", Last_Event_ID="1-2")
    assert [again.next().id for _ in range(2)] == ["1-3", "1-4"]


def test_a_client_older_than_the_ring_is_told_to_reset(hub: HubProcess, publisher: Publisher) -> None:
    stays = witness(hub, publisher)
    publish(publisher, *range(2, RING_EVENTS + 3))
    for _ in range(RING_EVENTS + 1):
        last = stays.next()
    assert last.id == f"1-{RING_EVENTS + 2}"
    assert hub.listen("board.1?v=1-1").next().name == "reset"
    assert hub.listen("board.1?v=1-2").next().id == "1-3"


def test_a_replay_that_costs_more_than_the_state_is_a_reset(hub: HubProcess, publisher: Publisher) -> None:
    stays = witness(hub, publisher)
    publish(publisher, 2, 3, text="x" * (REPLAY_MAX_BYTES // 2))
    assert [stays.next().id for _ in range(2)] == ["1-2", "1-3"]
    assert hub.listen("board.1?v=1-1").next().name == "reset"
    assert hub.listen("board.1?v=1-2").next().id == "1-3"


def test_an_id_of_another_epoch_is_told_to_reset(hub: HubProcess, publisher: Publisher) -> None:
    witness(hub, publisher)
    for unknown in ("2-1", "0-1", "1-0"):
        assert hub.listen(f"board.1?v={unknown}").next().name == "reset"


def test_a_page_that_is_ahead_of_the_hub_is_left_alone(hub: HubProcess, publisher: Publisher) -> None:
    witness(hub, publisher)
    ahead, first_of_its_topic = hub.listen("board.1?v=1-3"), hub.listen("board.2?v=1-3")
    assert ahead.next_or_none(0.3) is None
    assert first_of_its_topic.next().name == "reset"  # there nothing says that the epoch is right
    publish(publisher, 2, 4)
    assert [ahead.next().id for _ in range(2)] == ["1-2", "1-4"]


def test_a_new_epoch_resets_everybody(hub: HubProcess, publisher: Publisher) -> None:
    stays = witness(hub, publisher)
    publish(publisher, 1, epoch=2)
    event = stays.next()
    assert (event.id, event.name) == ("2-1", "reset")
    assert hub.listen("board.1?v=1-1").next().name == "reset"
    publish(publisher, 2, epoch=2)
    assert (stays.next().id) == "2-2"


def test_text_that_only_looks_like_an_id_counts_as_none(hub: HubProcess, publisher: Publisher) -> None:
    witness(hub, publisher)
    for odd in ("1-01", "1-1%0Aevent:%20board", "1", "-1", "1-", "%E4%B8%80-1", "1-1-1"):
        assert hub.listen(f"board.1?v={odd}").next().name == "reset"


def test_topics_do_not_hear_each_other(hub: HubProcess, publisher: Publisher) -> None:
    one, other = hub.listen("board.1"), hub.listen("board.2")
    assert one.next().name == other.next().name == "reset"
    publisher.publish("board.2", 1, 1, "board", {})
    publisher.publish("board.1", 1, 5, "board", {})
    # Nothing was current before: what the first event of a topic leads from, nobody can know.
    assert (other.next().id, one.next().id) == ("1-1", "1-5")
