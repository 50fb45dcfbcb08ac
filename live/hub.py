"""Topics and who listens to them: replay, reset, fan-out.

Theory of operation. The hub promises each stream that no event stays missing unnoticed: a stream gets every
event after the one its browser holds, in order, or it gets `reset` and the browser loads the whole state.
Three things keep it:

- Each topic has a ring (live.ring): a chain of events, each of which names its predecessor. An event that
  does not follow the chain means that something was lost (or that the epoch changed): the ring starts anew,
  all get `reset`.
- A chain shows a loss only when the next event comes. So the feed (live.feed) asks the broker every few
  seconds for the current id of each topic that has listeners, and `settle` resets those where the hub holds
  another.
- What the ring says about a topic without listeners is nobody's concern and is not asked for, so the first
  stream of a topic waits (connected, silent) until the feed has settled the topic. With the broker down it
  waits until the broker is back; it is then told to reset if it must.

The hub has no locks: everything runs on one event loop, and only `_fan_out` gives way (every 500 streams).
It works on a copy of the set, and the ring already holds the event then, so a stream that connects
meanwhile gets it by replay and only so. `deliver` and `settle` are called by one task, the feed's, one
after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from live import event
from live.event import EventId, Message
from live.protocol import body
from live.ring import Ring
from live.stream import Stream

STREAMS_PER_TURN = 500
KEEP_ALIVE = b": keep-alive\n\n"
IDLE_TOPIC_S = 60.0  # a topic's ring outlives its last stream by this, for a page that is being reloaded


class Topic:
    __slots__ = ("idle_since", "ring", "settled", "streams", "waiting")

    def __init__(self) -> None:
        self.ring = Ring()
        self.streams: set[Stream] = set()
        self.waiting: dict[
            Stream, EventId | None
        ] = {}  # the id each holds; all streams of an unsettled topic
        self.settled = False
        self.idle_since = 0.0

    def catch_up(self, stream: Stream, held: EventId | None) -> None:
        missed = None if held is None else self.ring.since(held)
        if missed is None:
            stream.write(body(event.reset(self.ring.current)))
        elif missed:
            stream.write(body(b"".join(missed)))

    def settle(self) -> None:
        self.settled = True
        for stream, held in self.waiting.items():
            self.catch_up(stream, held)
        self.waiting.clear()


class Hub:
    """`on_unsettled` is called for a topic's first stream; `settle` must then be called for it soon."""

    def __init__(self, on_unsettled: Callable[[], None]) -> None:
        self._topics: dict[str, Topic] = {}
        self._on_unsettled = on_unsettled

    def attach(self, stream: Stream, held: EventId | None) -> None:
        """`held`: the id of the last event the client has, None for none."""
        topic = self._topics.setdefault(stream.topic, Topic())
        if not topic.streams:
            topic.settled = False
        topic.streams.add(stream)
        if topic.settled:
            topic.catch_up(stream, held)
        else:
            topic.waiting[stream] = held
            self._on_unsettled()

    def detach(self, stream: Stream) -> None:
        topic = self._topics.get(stream.topic)
        if topic is None:
            return
        topic.streams.discard(stream)
        topic.waiting.pop(stream, None)
        if not topic.streams:
            topic.idle_since = asyncio.get_running_loop().time()
            if not topic.ring:
                del self._topics[stream.topic]

    def stream_count(self) -> int:
        return sum(len(topic.streams) for topic in self._topics.values())

    def active_topics(self) -> list[str]:
        """The topics that `settle` must be told about."""
        return [name for name, topic in self._topics.items() if topic.streams]

    async def deliver(self, name: str, message: Message) -> None:
        """An event came from the broker."""
        topic = self._topics.get(name)
        if topic is None or message.id == topic.ring.current:
            return
        follows = topic.ring.append(message)
        if not topic.settled:
            topic.settle()
        else:
            await self._fan_out(topic.streams, message.payload if follows else event.reset(message.id))

    async def settle(self, current: Mapping[str, EventId | None]) -> None:
        """`current`: what the broker says is each topic's current id, None for none.

        Every event published before the broker was asked must have been given to `deliver` by now.
        """
        for name, current_id in current.items():
            topic = self._topics.get(name)
            if topic is None:
                continue
            lost = topic.ring.current != current_id
            if lost:
                topic.ring.restart(current_id)
            if not topic.settled:
                topic.settle()
            elif lost:
                await self._fan_out(topic.streams, event.reset(current_id))

    async def _fan_out(self, streams: Iterable[Stream], payload: bytes) -> None:
        message = body(payload)
        for count, stream in enumerate(list(streams), 1):
            stream.write(message)
            if count % STREAMS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def keep_alive(self) -> None:
        """A comment to every stream: proxies see life, dead clients are found. Also forgets idle topics."""
        now = asyncio.get_running_loop().time()
        for name, topic in list(self._topics.items()):
            await self._fan_out(topic.streams, KEEP_ALIVE)
            if not topic.streams and now - topic.idle_since > IDLE_TOPIC_S:
                self._topics.pop(name, None)

    def finish(self) -> None:
        """End all streams in good order."""
        for topic in self._topics.values():
            for stream in list(topic.streams):
                stream.finish()

    def drop(self) -> None:
        """Cut off what is still open."""
        for topic in self._topics.values():
            for stream in list(topic.streams):
                stream.drop()
