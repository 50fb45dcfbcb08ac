"""The last events of one topic: a chain without a gap, so that a client can be told what it missed."""

from __future__ import annotations

from collections import deque

from live.event import EventId, Message

RING_EVENTS = 256
# A longer replay costs more than loading the snapshot does, and would fill a fresh connection's write buffer.
REPLAY_MAX_BYTES = 48 * 1024


class Ring:
    """`base` is the id before the oldest kept event: whoever holds it can be given all of them.

    None means that nobody can.
    """

    __slots__ = ("_events", "base")

    def __init__(self) -> None:
        self.base: EventId | None = None
        self._events: deque[Message] = deque()

    def __len__(self) -> int:
        return len(self._events)

    @property
    def current(self) -> EventId | None:
        return self._events[-1].id if self._events else self.base

    def restart(self, base: EventId | None) -> None:
        self._events.clear()
        self.base = base

    def append(self, message: Message) -> bool:
        """Whether `message` follows what is kept: nothing lost between, and the same epoch.

        If not, the ring starts anew with it.
        """
        before = message.after
        if before is not None and before.epoch != message.id.epoch:
            before = None  # across epochs nothing that was held is valid
        follows = before is not None and before == self.current
        if not follows:
            self.restart(before)
        self._events.append(message)
        if len(self._events) > RING_EVENTS:
            self.base = self._events.popleft().id
        return follows

    def since(self, held: EventId) -> list[bytes] | None:
        """The events after the one that a client holds; None when it must load the whole state.

        A page may be ahead of us: it was rendered from a state whose event is still on its way. It will
        skip what it has when that comes.
        """
        current = self.current
        if current is not None and held.epoch == current.epoch and held.version >= current.version:
            return []
        missed: list[bytes] = []
        size = 0
        for message in reversed(self._events):
            if message.id == held:
                break
            size += len(message.payload)
            if size > REPLAY_MAX_BYTES:
                return None
            missed.append(message.payload)
        else:
            if held != self.base:
                return None
        missed.reverse()
        return missed
