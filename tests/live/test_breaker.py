"""The breaker: one failure is waited for, the next calls are not, and the broker gets another chance."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as BrokerAway

from live.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_after_a_failure_calls_fail_at_once_until_the_pause_is_over() -> None:
    clock, tried = Clock(), []

    def hangs() -> None:
        tried.append(clock.now)
        raise TimeoutError

    breaker = Breaker(3.0, clock=clock)
    with pytest.raises(TimeoutError):
        breaker.call(hangs)
    with pytest.raises(BrokerAway):
        breaker.call(hangs)
    assert tried == [0.0]
    clock.now = 3.0
    assert breaker.call(lambda: "back") == "back"
    assert breaker.call(lambda: "still") == "still"
