"""One open stream to one browser.

Theory of operation. Thousands of streams get the same bytes, so the cost of one delivery decides how many a
process can hold. The ASGI way, a task per stream that is woken to call `await send(message)`, costs twice
what the write does. uvicorn's `send` waits only while its write buffer is over the high-water mark;
otherwise it runs to its end without giving way. So where the server shows itself to be such a one (`_Cycle`
below names what must be there), `write` looks at that mark and drives the coroutine itself by one step, on
the hub's own task.

In every other case (mark reached, or another server, or a middleware around `send`) the message is put on a
backlog that a task of this stream works off, and the stream returns to direct writing when the backlog is
empty. A stream whose backlog grows too long or too old is slow: it is closed, its browser connects again
and says what it has.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Coroutine
from typing import Any, Protocol, cast

from live.protocol import Message, Send, body

BACKLOG_MESSAGES = 64
BACKLOG_S = 10.0


class _Flow(Protocol):
    write_paused: bool


class _Cycle(Protocol):
    """What uvicorn's `send` is a bound method of, as far as direct writing needs it."""

    transport: asyncio.Transport
    flow: _Flow


def _cycle_of(send: Send) -> _Cycle | None:
    cycle = getattr(send, "__self__", None)
    paused = getattr(getattr(cycle, "flow", None), "write_paused", None)
    abort = getattr(getattr(cycle, "transport", None), "abort", None)
    if inspect.iscoroutinefunction(send) and isinstance(paused, bool) and callable(abort):
        return cast("_Cycle", cycle)
    return None


class Stream:
    """Made in the request's own task; closed streams ignore what is written to them."""

    __slots__ = ("_backlog", "_behind_since", "_cycle", "_pump", "_send", "_task", "closed", "topic")

    def __init__(self, topic: str, send: Send) -> None:
        self.topic = topic
        self.closed = False
        self._send = send
        self._cycle = _cycle_of(send)
        self._task = asyncio.current_task()
        self._backlog: deque[Message] | None = None
        self._behind_since = 0.0
        self._pump: asyncio.Task[None] | None = None

    def write(self, message: Message) -> None:
        """Send `message`, now or as soon as the client reads. Never waits and never raises."""
        if self.closed:
            return
        if self._cycle is None or self._backlog or self._cycle.flow.write_paused:
            self._queue(message)
            return
        step = cast("Coroutine[Any, Any, None]", self._send(message))
        try:
            step.send(None)
        except StopIteration:
            return
        except Exception:  # noqa: BLE001 - whatever a server raises here says that this client is gone
            self.drop()
        else:  # the server gave way although its buffer had room: it is not the server we know
            step.close()
            self.drop()

    @property
    def is_slow(self) -> bool:
        if not self._backlog:
            return False
        waited_s = asyncio.get_running_loop().time() - self._behind_since
        return len(self._backlog) > BACKLOG_MESSAGES or waited_s > BACKLOG_S

    def _queue(self, message: Message) -> None:
        if not self._backlog:
            self._backlog = deque()
            self._behind_since = asyncio.get_running_loop().time()
            self._pump = asyncio.create_task(self._work_off(self._backlog))
        self._backlog.append(message)
        if self.is_slow:
            self.drop()

    async def _work_off(self, backlog: deque[Message]) -> None:
        try:
            while backlog:
                await self._send(backlog[0])
                backlog.popleft()
        except Exception:  # noqa: BLE001 - as in write
            self.drop()
        finally:
            self._pump = None

    def finish(self) -> None:
        """End the response in good order; the request's own task then sees the disconnect."""
        self.write(body(b"", more=False))
        self.closed = True

    def drop(self) -> None:
        """Close at once, leaving unread bytes behind."""
        self.closed = True
        if self._pump is not None and self._pump is not asyncio.current_task():
            self._pump.cancel()
        if self._cycle is not None:
            self._cycle.transport.abort()
        elif self._task is not None:
            self._task.cancel()

    def forget(self) -> None:
        """The request is over: nothing may be sent any more."""
        self.closed = True
        if self._pump is not None:
            self._pump.cancel()
