"""The bell: tells a pool's agents that work may be waiting, and spectators' publisher that a board moved.

The database row is the queue. A bell may be lost, doubled or late: an agent looks every 30 s anyway, and a board's
version is polled. So ringing never fails a request: a broker that is down costs time, not submissions.
"""

from __future__ import annotations

import functools

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError, OperationalError
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from compute.models import Pool
from live import tokens
from live.breaker import BROKER
from live.publish import Publisher

log = structlog.get_logger(__name__)
TASK = "pool.bell"
UNHEARD_ENOUGH = 100
ADDRESS_TTL_S = 24 * 3600


@functools.cache
def client() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1)
    )


def queue_of(pool_slug: str) -> str:
    return f"pool.{pool_slug}"


@functools.cache
def _publisher() -> Publisher:
    return Publisher.from_url(settings.REDIS_URL, BROKER)


def address(pool_slug: str) -> str:
    """Where a runner host that is not on our broker hears the same bell, as a live stream of its own."""
    topic = queue_of(pool_slug)
    return f"/live/{topic}?token={tokens.sign(settings.SECRET_KEY, topic, ADDRESS_TTL_S)}"


def ring(pool_slug: str) -> bool:
    """Ring now. Returns False, and logs, when the broker cannot be reached."""
    try:
        # Celery's own client tries for seconds to reach a broker that is gone, and this runs inside an upload;
        # this question fails at once. Where nobody listens, unheard bells must not pile up either.
        unheard = BROKER.call(lambda: client().llen(queue_of(pool_slug)))
        _publisher().publish_next(queue_of(pool_slug), "bell", {})
        if isinstance(unheard, int) and unheard >= UNHEARD_ENOUGH:
            return True
        # A bell nobody hears for a minute says nothing new: the look every 30 s has been there.
        current_app.send_task(TASK, queue=queue_of(pool_slug), expires=60, retry=False, ignore_result=True)
    except (OperationalError, KombuError, RedisError, OSError) as error:
        log.warning("bell not rung", pool=pool_slug, error=str(error))
        return False
    return True


def ring_after_commit(pool: Pool) -> None:
    transaction.on_commit(functools.partial(ring, pool.slug))
