"""No content can break out of its event."""

from __future__ import annotations

import pytest

from live.event import EventId, Message, fields
from live.publish import Publisher
from tests.live.client import HubProcess

NASTY = "a\nid: 9-9\r\n\r\nevent: reset\rdata: {}\n\n: x\u2028\u2029\x85\x0b\x0c\x00é"


def test_line_ends_in_data_start_no_field_and_no_event() -> None:
    encoded = fields("board", NASTY).decode()
    assert encoded.endswith("\n\n")
    assert "\r" not in encoded
    lines = encoded[:-2].split("\n")
    assert lines[0] == "event: board"
    assert all(line.startswith("data: ") for line in lines[1:])


def test_nasty_content_arrives_as_it_was_published(hub: HubProcess, publisher: Publisher) -> None:
    publisher.publish("board.1", 1, 1, "board", {})
    listener = hub.listen("board.1")
    listener.next()
    publisher.publish("board.1", 1, 2, "board", {"name": NASTY})
    event = listener.next()
    assert (event.id, event.name, event.json) == ("1-2", "board", {"name": NASTY})
    assert listener.next_or_none(0.2) is None


@pytest.mark.parametrize("name", ["", "a b", "a\nid: 1-1", "Board", "é"])
def test_an_event_name_that_could_break_out_is_refused(publisher: Publisher, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name an event"):
        publisher.publish("board.1", 1, 1, name, {})


def test_bad_topics_ids_and_data_are_refused(publisher: Publisher) -> None:
    for topic in ("", "board.*", "board.1\n", "current:board.1"):
        with pytest.raises(ValueError, match="cannot name a topic"):
            publisher.publish_next(topic, "board", {})
    for epoch, version in (("", 1), ("a-b", 1), ("1\n", 1), ("1", -1)):
        with pytest.raises(ValueError, match="an event id is"):
            publisher.publish("board.1", epoch, version, "board", {})
    with pytest.raises(ValueError, match="Out of range"):
        publisher.publish("board.1", 1, 1, "board", {"score": float("nan")})


@pytest.mark.parametrize(
    "text", ["", "1", "1-", "-1", "1-01", "1-1 ", "1-1\n", "1-١", "1-" + "9" * 19, "a_b-1"]
)
def test_only_the_canonical_spelling_is_an_id(text: str) -> None:
    assert EventId.parse(text) is None


def test_a_message_is_taken_apart() -> None:
    message = Message.parse(b": after 1-4\nid: 1-5\nevent: board\ndata: {}\n\n")
    assert message is not None
    assert (str(message.id), str(message.after)) == ("1-5", "1-4")
    assert message.payload == b"id: 1-5\nevent: board\ndata: {}\n\n"
    first = Message.parse(b": after \nid: 1-5\nevent: board\ndata: {}\n\n")
    assert first is not None
    assert first.after is None
    assert Message.parse(b"id: 1-5\nevent: board\ndata: {}\n\n") is None
