"""`Live`: the ASGI application that answers /live/* itself and hands everything else to the site.

    GET /live/<topic>[?token=...][&v=<epoch>-<version>]    text/event-stream

What a client holds is said by `Last-Event-ID` (a browser's own reconnection) or else `v` (the page as
rendered). Public topics are those with a configured prefix; private ones need a token for just this topic
(live.tokens); of another kind than those configured there are none. It also answers the server's lifespan messages,
which Django does not know.

Stopping. A server that is told to end waits for its open responses, and ours never end by themselves; the
lifespan's shutdown message comes only after that wait. So at start the handlers of SIGTERM and SIGINT are
wrapped: the signal goes to the server as before, and then the hub ends its streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import json
import resource
import signal
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any
from urllib.parse import parse_qs

from live import tokens
from live.admission import Admission, address_of
from live.event import TOPIC, EventId
from live.feed import Feed
from live.hub import Hub
from live.protocol import Application, Receive, Scope, Send, body
from live.stream import Stream

# A browser waits so long before it reconnects by itself. static/js/live.js spreads its own reconnections.
HELLO = b"retry: 3000\n\n"
# The server stops listening within a tenth of a second of the signal; streams that ended before would come
# back to it.
END_STREAMS_AFTER_S = 0.25
DROP_STREAMS_AFTER_S = 1.0
RESERVED_FILES = 256  # file descriptors that streams leave to the rest of the process

_Handler = Callable[[int, FrameType | None], Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """`redis_url`: redis://host:port/db or unix:///path/to.sock. `secret`: what tokens are signed with.

    `public_prefixes` and `private_prefixes` are the kinds of topics there are, with the empty one: any.
    `per_address` is generous because a whole classroom may share one address. `proxies`: how many of our own
    reverse proxies stand in front and append to X-Forwarded-For; with 0 that header is not believed.
    """

    redis_url: str
    secret: str
    public_prefixes: Sequence[str] = ("board.",)
    private_prefixes: Sequence[str] = ("",)
    per_address: int = 512
    total: int = 15_000
    proxies: int = 0
    keep_alive_s: float = 15.0
    tune_gc: bool = True
    prefix: str = "/live/"


class Live:
    def __init__(self, inner: Application, settings: LiveSettings) -> None:
        self._inner = inner
        self._settings = settings
        self._kinds = (*settings.public_prefixes, *settings.private_prefixes)
        room = max(1, _files_for(settings.total + RESERVED_FILES) - RESERVED_FILES)
        self._admission = Admission(per_address=settings.per_address, total=min(settings.total, room))
        self._feed: Feed | None = None
        self._hub: Hub | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and (path := self._own_path(scope)) is not None:
            await self._answer(path, scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    def _own_path(self, scope: Scope) -> str | None:
        path: str = scope["path"].removeprefix(scope.get("root_path") or "")
        return path.removeprefix(self._settings.prefix) if path.startswith(self._settings.prefix) else None

    async def _answer(self, topic: str, scope: Scope, receive: Receive, send: Send) -> None:
        if not (TOPIC.fullmatch(topic) and topic.startswith(self._kinds)):
            return await _refuse(send, 404, "There is no such topic.")
        if scope["method"] != "GET":
            return await _refuse(send, 405, "A live topic can only be read (GET).", (b"allow", b"GET"))
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if not self._may_read(topic, query.get("token", [""])[0]):
            return await _refuse(send, 401, "This topic needs a valid token; it may have expired.")
        if self._closing:
            return await _refuse(send, 503, "The server is restarting; try again.", (b"retry-after", b"2"))
        address = address_of(scope, self._settings.proxies)
        with self._admission.place_for(address) as refusal:
            if refusal is not None:
                return await _refuse(send, refusal.status, refusal.detail, (b"retry-after", b"10"))
            await self._stream(topic, _held(scope, query), receive, send)
        return None

    def _may_read(self, topic: str, token: str) -> bool:
        if topic.startswith(tuple(self._settings.public_prefixes)):
            return True
        return tokens.check(self._settings.secret, topic, token)

    async def _stream(self, topic: str, held: EventId | None, receive: Receive, send: Send) -> None:
        hub = self._start()
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-accel-buffering", b"no"),
        ]
        stream = Stream(topic, send)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send(body(HELLO))
            hub.attach(stream, held)
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not stream.closed:  # not by our own Stream.drop
                raise
        finally:
            hub.detach(stream)
            stream.forget()

    def _start(self) -> Hub:
        """Also called by the first stream: some servers and tests send no lifespan messages."""
        if self._hub is None:
            self._feed = feed = Feed(self._settings.redis_url)
            self._hub = hub = Hub(on_unsettled=feed.ask)
            self._tasks = [
                asyncio.create_task(feed.run(hub)),
                asyncio.create_task(_keep_alive(hub, self._settings.keep_alive_s)),
            ]
        return self._hub

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                if self._settings.tune_gc:
                    _tune_gc()
                self._end_streams_on_signals()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _end_streams_on_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def wrap(before: _Handler) -> _Handler:
            def handler(number: int, frame: FrameType | None) -> None:
                before(number, frame)
                loop.call_soon_threadsafe(self._close_soon)

            return handler

        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)
            # Not ours to add to: no Python handler, or a server that runs in a thread (it must call `close`).
            with contextlib.suppress(ValueError):
                if callable(before):
                    signal.signal(number, wrap(before))

    def _close_soon(self) -> None:
        if not self._closing:
            self._tasks.append(asyncio.create_task(self._end_streams()))

    async def _end_streams(self) -> None:
        self._closing = True
        if self._hub is not None:
            await asyncio.sleep(END_STREAMS_AFTER_S)
            self._hub.finish()
            await asyncio.sleep(DROP_STREAMS_AFTER_S)
            self._hub.drop()

    async def close(self) -> None:
        """End all streams and leave the broker."""
        self._closing = True
        if self._hub is not None:
            self._hub.drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _held(scope: Scope, query: dict[str, list[str]]) -> EventId | None:
    """The id of the newest event that the client has, None when it names none that could be one of ours."""
    said = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"last-event-id"), "")
    return EventId.parse(said) or EventId.parse(query.get("v", [""])[0])


async def _refuse(send: Send, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
    answer = json.dumps({"detail": detail}).encode()
    head = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send(body(answer, more=False))


async def _keep_alive(hub: Hub, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await hub.keep_alive()


def _files_for(wanted: int) -> int:
    """Raise this process's limit of open files to `wanted`, as far as it may; returns the limit.

    Each stream is a file, and the usual limit of 1,024 says nothing about what the machine can do.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return raised


def _tune_gc() -> None:
    """Streams are many small long-lived objects: the collector's default would walk them again and again.

    At 10,000 streams this halves the cost of a delivery (the site's own garbage is collected somewhat later).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
