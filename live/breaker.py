"""Spares a process that serves requests the wait for a broker that has just failed.

A broker that hangs costs each call its timeout, and a request makes several calls. After one failure the calls of
this process fail at once for a moment; then the next one tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import ConnectionError as BrokerAway
from redis.exceptions import RedisError

PAUSE_S = 3.0
T = TypeVar("T")


class NotAsked(BrokerAway):
    """The broker failed a moment ago; whoever found that out has said so."""


class Breaker:
    """Thread-safe: a race costs one more try."""

    def __init__(self, pause_s: float = PAUSE_S, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause_s, self._clock = pause_s, clock
        self._closed_until = float("-inf")

    def call(self, work: Callable[[], T]) -> T:
        """What `work` returns. Raises what it raises (RedisError, OSError), or NotAsked without trying."""
        if self._clock() < self._closed_until:
            raise NotAsked("the broker failed a moment ago")
        try:
            return work()
        except (RedisError, OSError):
            self._closed_until = self._clock() + self._pause_s
            raise


BROKER = Breaker()  # of this process: there is one broker
