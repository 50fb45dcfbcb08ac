from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from live.publish import Publisher
from tests.e2e.browser import browser
from tests.live.client import SECRET, Broker, HubProcess, StartHub

__all__ = ["browser"]


@pytest.fixture
def broker(services: None, tmp_path: Path) -> Iterator[Broker]:
    started = Broker(tmp_path)
    yield started
    started.kill()


@pytest.fixture
def redis_client(broker: Broker) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker.url) as client:
        yield client


@pytest.fixture
def publisher(redis_client: redis.Redis) -> Publisher:
    return Publisher(redis_client)


@pytest.fixture
def start_hub(broker: Broker) -> Iterator[StartHub]:
    started: list[HubProcess] = []

    def start(
        *,
        http_parser: str = "auto",
        wrap_send: bool = False,
        pages: str = "",
        port: int = 0,
        files: int = 0,
        **settings: Any,
    ) -> HubProcess:
        hub = HubProcess(
            http_parser=http_parser,
            wrap_send=wrap_send,
            pages=pages,
            port=port,
            files=files,
            **{"redis_url": broker.url, "secret": SECRET} | settings,
        )
        started.append(hub)
        return hub

    yield start
    for hub in started:
        hub.close()


@pytest.fixture
def hub(start_hub: StartHub) -> HubProcess:
    return start_hub()
