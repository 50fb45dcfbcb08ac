"""What an operator does with pools: hold and release one, drain a host and let it work again; and what stands there.

A claim looks at both (judge.lease): what runs goes on, and what waits keeps its place.
"""

from __future__ import annotations

import dataclasses
import datetime

from django.db import transaction
from django.db.models import Count, Min, Q

from compute import pools
from compute.models import Pool, RunnerHost
from judge import bell, feed
from judge.models import Job


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """What of a contest waits and runs in a pool. `slug` is empty for what a previous release queued."""

    contest_id: int | None
    slug: str
    title: str
    weight: int
    waiting: int
    running: int
    oldest: datetime.datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """A runner host, and how many jobs it has under way: one that drains may go when they are none."""

    row: RunnerHost
    live: bool
    running: int


@dataclasses.dataclass(frozen=True, slots=True)
class Overview:
    pool: Pool
    contests: list[Waiting]
    hosts: list[Host]

    @property
    def waiting(self) -> int:
        return sum(each.waiting for each in self.contests)

    @property
    def running(self) -> int:
        return sum(each.running for each in self.contests)

    @property
    def oldest(self) -> datetime.datetime | None:
        return min((each.oldest for each in self.contests if each.oldest), default=None)


def overview(pool: Pool) -> Overview:
    """Four queries, whatever waits."""
    queued = Q(status=Job.Status.QUEUED)
    live_jobs = Job.objects.filter(pool=pool, status__in=(Job.Status.QUEUED, Job.Status.RUNNING)).order_by()
    rows = live_jobs.values_list(
        "contest_id", "contest__slug", "contest__title", "contest__queue_weight"
    ).annotate(
        waiting=Count("pk", filter=queued),
        running=Count("pk", filter=~queued),
        oldest=Min("queued_at", filter=queued),
    )
    contests = [
        Waiting(contest, slug or "", title or "", weight or 1, waiting, busy, oldest)
        for contest, slug, title, weight, waiting, busy, oldest in rows
    ]
    by_host = live_jobs.exclude(queued).values_list("host").annotate(count=Count("pk"))
    running: dict[str, int] = dict(by_host.values_list("host", "count"))
    since = pools.heard_since()
    hosts = [Host(row, row.seen_at >= since, running.get(row.name, 0)) for row in pool.hosts.order_by("name")]
    return Overview(pool, sorted(contests, key=lambda each: (-each.waiting, each.slug)), hosts)


def hold(pool: Pool) -> None:
    """Nothing more is handed out; what runs goes on."""
    _set_held(pool, held=True)


def release(pool: Pool) -> None:
    _set_held(pool, held=False)
    bell.ring_after_commit(pool)


@transaction.atomic
def _set_held(pool: Pool, *, held: bool) -> None:
    Pool.objects.filter(pk=pool.pk).update(held=held)
    pool.held = held
    transaction.on_commit(lambda: feed.pool_changed(pool.pk))


def drain(host: RunnerHost) -> None:
    """The host finishes what it runs and is given nothing more; its agent may go on asking."""
    _set_draining(host, draining=True)


def resume(host: RunnerHost) -> None:
    _set_draining(host, draining=False)
    bell.ring_after_commit(host.pool)


@transaction.atomic
def _set_draining(host: RunnerHost, *, draining: bool) -> None:
    RunnerHost.objects.filter(pk=host.pk).update(draining=draining)
    host.draining = draining
    transaction.on_commit(lambda: feed.pool_changed(host.pool_id))
