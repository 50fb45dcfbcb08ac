"""Telling those who wait in a pool their places: at once, but at most once a second, whichever processes see it move.

Theory of operation. Two keys of the broker for each pool: `now` lives for a second after a telling, `later` from the
first movement within that second until the chore that tells of it begins. The chore takes `later` away before it looks
at the queue, so whatever moves afterwards asks for a chore of its own: what is told last is how the queue stands.
"""

from __future__ import annotations

import structlog
from celery import current_app
from kombu.exceptions import KombuError, OperationalError
from redis.exceptions import RedisError

from judge import bell
from live.breaker import BROKER

log = structlog.get_logger(__name__)
TASK = "judge.places"
EVERY_S = 1
LOST_AFTER_S = 30  # a chore that did not come by then is asked for again


def _key(pool_id: int, name: str) -> str:
    return f"places:{pool_id}:{name}"


def may_tell(pool_id: int) -> bool:
    """Whether to tell now. False: it is told within a second or two, or the broker is down and nothing can be."""
    try:
        if _first(_key(pool_id, "now"), EVERY_S):
            return True
        if _first(_key(pool_id, "later"), LOST_AFTER_S):
            current_app.send_task(
                TASK, args=(pool_id,), countdown=EVERY_S, expires=60, retry=False, ignore_result=True
            )
    except (OperationalError, KombuError, RedisError, OSError) as error:
        log.warning("places not told", pool=pool_id, error=str(error))
    return False


def begin(pool_id: int) -> None:
    """The chore begins: what moves from now on is told by another."""
    broker = bell.client()
    BROKER.call(lambda: broker.delete(_key(pool_id, "later")))
    BROKER.call(lambda: broker.set(_key(pool_id, "now"), 1, ex=EVERY_S))


def _first(key: str, seconds: int) -> bool:
    return bool(BROKER.call(lambda: bell.client().set(key, 1, nx=True, ex=seconds)))
