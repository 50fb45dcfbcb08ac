"""The cache, which may fail: a broker that is away costs rate limits their memory, and nobody their login."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from live.breaker import BROKER, NotAsked

log = structlog.get_logger(__name__)
TIMEOUT_S = 1.0


def _or_else(otherwise: Any, call: Callable[[], Any]) -> Any:
    try:
        return BROKER.call(call)
    except NotAsked:  # a page asks several times: one line each few seconds tells as much
        return otherwise
    except (RedisError, OSError) as error:
        log.warning("the cache is away", error=str(error))
        return otherwise


class _Client(RedisCacheClient):
    """Every failure is a miss."""

    def get(self, key: Any, default: Any) -> Any:
        return _or_else(default, lambda: super(_Client, self).get(key, default))

    def add(self, key: Any, value: Any, timeout: Any) -> Any:
        return _or_else(otherwise=True, call=lambda: super(_Client, self).add(key, value, timeout))

    def set(self, key: Any, value: Any, timeout: Any) -> None:
        _or_else(None, lambda: super(_Client, self).set(key, value, timeout))

    def incr(self, key: Any, delta: Any) -> Any:
        return _or_else(0, lambda: super(_Client, self).incr(key, delta))

    def delete(self, key: Any) -> Any:
        return _or_else(otherwise=False, call=lambda: super(_Client, self).delete(key))


class ForgivingRedisCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        once = {
            "socket_timeout": TIMEOUT_S,
            "socket_connect_timeout": TIMEOUT_S,
            "retry": Retry(NoBackoff(), 1),
        }
        super().__init__(server, params | {"OPTIONS": once | params.get("OPTIONS", {})})
        self._class = _Client
