"""Celery chores of the judge. Each is idempotent: delivered twice or never, nothing is counted twice or lost."""

from __future__ import annotations

from celery import shared_task

from compute import pools
from contests import blobs, unnamed
from judge import feed, lease, pacing, retention


@shared_task(name="judge.sweep")
def sweep() -> None:
    """Pre: any. Post: no dead last attempt is left running where hosts are heard; every waiting pool was rung."""
    lease.sweep()


@shared_task(name="judge.removals")
def removals() -> None:
    """Pre: any. Post: no content is refused for longer than need be because whoever deleted it died over it."""
    unnamed.finish_others()


@shared_task(name="judge.tidy")
def tidy() -> None:
    """Pre: any. Post: what was cut short, what old runs left, what nothing refers to and hosts long gone are fewer."""
    blobs.remove_cut_short()
    retention.remove()
    unnamed.remove_rows(within_s=20.0)
    pools.forget_silent()


@shared_task(name=pacing.TASK)
def places(pool_id: int) -> None:
    """Pre: any. Post: the first who wait in the pool were told where they stand."""
    pacing.begin(pool_id)
    feed.tell_places(pool_id)
