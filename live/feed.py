"""From the broker to the hub: one subscription per process, and the check that it loses nothing.

Theory of operation. Pub/sub forgets: what is published while the subscription is down never comes, and no
error tells (a half-open connection is silent too). So every 5 s, and whenever a topic gets its first
stream, one MULTI asks for the current ids of all active topics and publishes a *mark* on a channel that
only this process hears. The broker orders both: when the mark arrives, every event that counts towards
those ids has arrived before it or is lost. The hub compares then, and needs no guess about what is merely
late. A mark that does not come back within 3 s means a deaf subscription: both connections are thrown away
and made anew, which ends in such a check again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NoReturn, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from live import census
from live.event import CHANNEL_PREFIX, CURRENT_PREFIX, EventId, Message
from live.hub import Hub

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

CHECK_EVERY_S = 5.0
GATHER_S = 0.02  # many streams that come together are settled by one question
MARK_BACK_S = 3.0
BROKER_TIMEOUT_S = 3.0
RETRY_FIRST_S = 0.1
RETRY_MOST_S = 2.0

logger = logging.getLogger("podium.live")


class Feed:
    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._mark_channel = f"live-mark:{secrets.token_hex(8)}"
        self._questions: dict[str, asyncio.Future[dict[str, EventId | None]]] = {}
        self._asked = asyncio.Event()
        self._answered = asyncio.Event()
        self._connected = False

    def ask(self) -> None:
        """Settle the active topics soon."""
        self._asked.set()

    async def run(self, hub: Hub) -> NoReturn:
        """Feed `hub` until cancelled, whatever the broker does."""
        wait_s = RETRY_FIRST_S
        reported = False
        while True:
            self._connected = False
            try:
                await self._session(hub)
            except* (RedisError, OSError, TimeoutError) as failures:
                if self._connected:
                    wait_s, reported = RETRY_FIRST_S, False
                if not reported:  # once per outage
                    reported = True
                    logger.warning("live: no broker, retrying: %s", failures.exceptions[0])
            await asyncio.sleep(wait_s)
            wait_s = min(RETRY_MOST_S, wait_s * 2)

    async def _session(self, hub: Hub) -> None:
        client = Redis.from_url(
            self._broker_url,
            socket_timeout=BROKER_TIMEOUT_S,
            socket_connect_timeout=BROKER_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),  # a silent reconnection would hide a gap until the next check
        )
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(client.aclose)
            subscription = client.pubsub()
            stack.push_async_callback(subscription.aclose)
            await subscription.psubscribe(CHANNEL_PREFIX + "*")
            await subscription.subscribe(self._mark_channel)
            self._questions.clear()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(subscription, hub))
                tasks.create_task(self._check(client, hub))

    async def _listen(self, subscription: PubSub, hub: Hub) -> NoReturn:
        while True:
            # Without a time limit of its own: silence is normal here, and the check notices when it is not.
            received = cast("dict[str, Any] | None", await subscription.get_message(timeout=None))
            if received is None:
                continue
            if received["type"] == "message":
                question = self._questions.pop(received["data"].decode(), None)
                if question is not None:
                    await hub.settle(await question)
                    self._answered.set()
            elif received["type"] == "pmessage":
                await self._take(received["channel"], received["data"], hub)

    async def _take(self, channel: bytes, data: bytes, hub: Hub) -> None:
        topic = channel.decode("utf-8", "replace").removeprefix(CHANNEL_PREFIX)
        message = Message.parse(data)
        if message is None:
            logger.error("live: a message on %r is not an event and was ignored", topic)
        else:
            await hub.deliver(topic, message)

    async def _check(self, client: Redis, hub: Hub) -> NoReturn:
        while True:
            self._asked.clear()
            await self._ask(client, hub.active_topics(), hub.stream_count())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), CHECK_EVERY_S)
            await asyncio.sleep(GATHER_S)

    async def _ask(self, client: Redis, topics: list[str], streams: int) -> None:
        mark = secrets.token_hex(8)
        question = asyncio.get_running_loop().create_future()
        self._questions[mark] = question  # first: the mark may be back before the reply is
        self._answered.clear()
        async with client.pipeline(transaction=True) as pipe:
            if topics:
                pipe.mget([CURRENT_PREFIX + topic for topic in topics])
            pipe.publish(self._mark_channel, mark)
            pipe.hset(census.KEY, self._mark_channel, census.told(streams))
            results = await cast("Awaitable[list[Any]]", pipe.execute())
        ids = results[0] if topics else []
        current = (EventId.parse((raw or b"").decode()) for raw in ids)
        question.set_result(dict(zip(topics, current, strict=True)))
        await asyncio.wait_for(self._answered.wait(), MARK_BACK_S)
        if not self._connected:
            self._connected = True
            logger.info("live: connected to the broker")
