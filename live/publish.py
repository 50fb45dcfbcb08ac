"""How the site publishes: synchronous, and never an obstacle to the caller.

Each publication is one small script in the broker, so that reading the id that was current, writing the new
one and publishing are one step: the hub's chain (live.event) is right however many processes publish. The
broker keeps one key for each topic, `live:current:<topic>`; it may lose it at any time, which only costs
each listener one reset.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.exceptions import RedisError
from redis.retry import Retry

from live.breaker import Breaker
from live.event import CHANNEL_PREFIX, CURRENT_PREFIX, TOPIC, EventId, as_data, fields

BROKER_TIMEOUT_S = 1.0
LOG_EVERY_S = 60.0
# Of topics without a version of their own. A page that stays open longer with no event is told to reset once.
CURRENT_KEPT_S = 7 * 24 * 3600
BROKEN_TOPICS_KEPT = 10_000

logger = logging.getLogger("podium.live")

# Both scripts: KEYS current; ARGV channel, "1" when the chain is broken, the event's fields, then their own.
# An older version of the same epoch is not published: it comes from a publisher that lost its lease, and
# would take the listeners back in time.
_PUBLISH = """
local before = redis.call('GET', KEYS[1]) or ''
local epoch, version = string.match(before, '^(%w+)-(%d+)$')
if epoch == ARGV[4] and tonumber(version) >= tonumber(ARGV[5]) then return 0 end
if ARGV[2] == '1' then before = '' end
local id = ARGV[4] .. '-' .. ARGV[5]
redis.call('SET', KEYS[1], id)
redis.call('PUBLISH', ARGV[1], ': after ' .. before .. '\\nid: ' .. id .. '\\n' .. ARGV[3])
return 1
"""

# The version is the broker's clock in microseconds, not a counter: a broker that lost its data must not give
# an id a second time.
_PUBLISH_NEXT = """
local before = redis.call('GET', KEYS[1]) or ''
local now = redis.call('TIME')
local version = now[1] * 1000000 + now[2]
local last = string.match(before, '^t%-(%d+)$')
if last and tonumber(last) >= version then version = tonumber(last) + 1 end
if ARGV[2] == '1' then before = '' end
local id = 't-' .. string.format('%.0f', version)
redis.call('SET', KEYS[1], id, 'EX', ARGV[4])
redis.call('PUBLISH', ARGV[1], ': after ' .. before .. '\\nid: ' .. id .. '\\n' .. ARGV[3])
return 1
"""


class Publisher:
    """Thread-safe as far as its `redis` client is, which may also be shared with forked children."""

    def __init__(self, redis: Redis, breaker: Breaker | None = None) -> None:
        self._breaker = breaker or Breaker(pause_s=0)
        self._publish = redis.register_script(_PUBLISH)
        self._publish_next = redis.register_script(_PUBLISH_NEXT)
        self._log_again_at = 0.0
        # Topics with an event that this process could not publish: the next one must not look like its
        # successor, so that the listeners are told to reset. A dict for its order: the oldest are forgotten.
        self._broken: dict[str, None] = {}

    @classmethod
    def from_url(cls, url: str, breaker: Breaker | None = None) -> Self:
        """A publisher whose calls give up after a second: it runs inside requests."""
        return cls(
            Redis.from_url(
                url,
                socket_timeout=BROKER_TIMEOUT_S,
                socket_connect_timeout=BROKER_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            ),
            breaker,
        )

    def publish(
        self, topic: str, epoch: str | int, version: int, event_name: str, data: dict[str, Any]
    ) -> bool:
        """Publish the event that leads to state `<epoch>-<version>` of `topic`; keep `data` under 4 KB.

        `data` must lead there from the state that was published last. A version that is not newer than the
        current one is dropped (and the answer is True: there is nothing left to do). False: the broker is
        down or did not answer; the next event of this process on this topic resets the listeners.
        ValueError for a bad topic, id or name, and for data that is not JSON.
        """
        event_id = EventId(str(epoch), version)
        rest = (event_id.epoch, event_id.version)
        return self._run(self._publish, topic, fields(event_name, as_data(data)), *rest)

    def publish_next(self, topic: str, event_name: str, data: dict[str, Any]) -> bool:
        """As `publish`, for a topic without versions of its own: the broker numbers the events."""
        return self._run(self._publish_next, topic, fields(event_name, as_data(data)), CURRENT_KEPT_S)

    def _run(self, script: Script, topic: str, event_fields: bytes, *rest: str | int) -> bool:
        if not TOPIC.fullmatch(topic):
            raise ValueError(f"{topic!r} cannot name a topic")
        broken = "1" if topic in self._broken else "0"
        try:
            arguments = [CHANNEL_PREFIX + topic, broken, event_fields, *rest]
            self._breaker.call(partial(script, keys=[CURRENT_PREFIX + topic], args=arguments))
        except (RedisError, OSError) as failure:
            self._note_failure(topic, failure)
            return False
        self._broken.pop(topic, None)
        return True

    def _note_failure(self, topic: str, failure: Exception) -> None:
        self._broken[topic] = None
        if len(self._broken) > BROKEN_TOPICS_KEPT:
            self._broken.pop(next(iter(self._broken)), None)
        now = time.monotonic()
        if now >= self._log_again_at:
            self._log_again_at = now + LOG_EVERY_S
            logger.warning("live: an event of %s was not published, the broker is down: %s", topic, failure)
