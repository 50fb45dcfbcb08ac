"""The breaker: one failure is waited for, the next calls are not, and the broker gets another chance."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.cache import ForgivingRedisCache
from live.breaker import Breaker, NotAsked


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
    with pytest.raises(NotAsked):
        breaker.call(hangs)
    assert tried == [0.0]
    clock.now = 3.0
    assert breaker.call(lambda: "back") == "back"
    assert breaker.call(lambda: "still") == "still"


def test_a_cache_that_is_away_is_told_of_once_and_not_by_each_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("config.cache.BROKER", Breaker())
    away = ForgivingRedisCache(f"unix://{tmp_path}/no.sock", {})
    with capture_logs() as told:
        assert [away.get("a", "otherwise") for _ in range(5)] == ["otherwise"] * 5
    assert [line["event"] for line in told] == ["the cache is away"]
