"""Wakes the publisher right after a board moved. It looks once a second anyway, so a lost call costs a second."""

from __future__ import annotations

import functools

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from live.breaker import BROKER

CHANNEL = "boards:moved"


@functools.cache
def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1))


def wake(url: str) -> bool:
    try:
        BROKER.call(lambda: _client(url).publish(CHANNEL, b"1"))
    except (RedisError, OSError):
        return False
    return True
