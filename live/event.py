"""What travels: events, their ids, and how both look on the wire.

An id is `<epoch>-<version>`: versions rise within an epoch (not necessarily by one); in another epoch
nothing that a client holds is valid. The body of a broker message is the complete event as bytes for the
browser, preceded by one comment line which names the id that was current before it:

    : after 3-41
    id: 3-42
    event: board
    data: {"v":42,...}

That line makes a chain. Whoever holds the id after `: after` misses nothing by applying the event; anybody
else has missed something. The hub cuts the line off before it delivers.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, Self

TOPIC = re.compile(r"[a-z][a-z0-9_]{0,31}\.[A-Za-z0-9-]{1,64}", re.ASCII)
CHANNEL_PREFIX = "live:"
CURRENT_PREFIX = "live:current:"

_ID = re.compile(r"([0-9A-Za-z]{1,32})-([0-9]{1,18})", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_MESSAGE = re.compile(rb": after ([0-9A-Za-z-]{0,51})\n(id: ([0-9A-Za-z-]{1,51})\n.*\n\n)", re.DOTALL)
# What a browser's parser takes for the end of a line; str.splitlines() would also split at others.
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclasses.dataclass(frozen=True, slots=True)
class EventId:
    epoch: str
    version: int

    def __post_init__(self) -> None:
        if not _ID.fullmatch(str(self)):
            raise ValueError(f"an event id is <letters or digits>-<whole number>, not {str(self)!r}")

    def __str__(self) -> str:
        return f"{self.epoch}-{self.version}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The id that `text` spells in its one canonical form, or None. Never raises: clients send
        anything.
        """
        found = _ID.fullmatch(text)
        if found is None:
            return None
        parsed = cls(found[1], int(found[2]))
        return parsed if str(parsed) == text else None


def fields(name: str, data: str) -> bytes:
    """An event without its id, ready to send. No content of `data` can start another field or another
    event.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name an event")
    lines = [f"event: {name}", *(f"data: {line}" for line in _LINE_END.split(data))]
    return ("\n".join(lines) + "\n\n").encode()


def as_data(data: dict[str, Any]) -> str:
    """JSON on one line. ValueError for NaN and infinities, which no browser could read back."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """A broker message taken apart. `after` is None when nothing can be said to be before it."""

    id: EventId
    after: EventId | None
    payload: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self | None:
        """None when `body` is not one event as above."""
        found = _MESSAGE.fullmatch(body)
        event_id = EventId.parse(found[3].decode()) if found else None
        if found is None or event_id is None:
            return None
        return cls(event_id, EventId.parse(found[1].decode()), found[2])


def reset(current: EventId | None) -> bytes:
    """What a client gets that cannot be brought up to date by events: it must load the whole state anew.

    `current` is the id of the state it will then have, None when the broker knows of none.
    """
    if current is None:
        return fields("reset", "{}")
    return f"id: {current}\n".encode() + fields("reset", as_data({"at": str(current)}))
