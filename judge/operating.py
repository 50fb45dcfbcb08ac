"""What an operator does with pools: hold and release one, drain a host and let it work again; and what stands there.

A claim looks at both (judge.lease): what runs goes on, and what waits keeps its place.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet

from accounts import audit
from accounts.models import User
from compute import pools
from compute.models import Pool, RunnerHost
from judge import bell, feed
from judge.models import HeldQueue, Job


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
    held: bool = False  # by its organisers (judge.own_queue)


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
    return overviews([pool])[0]


def overviews(of: Sequence[Pool]) -> list[Overview]:
    """Four queries, however many pools there are and whatever waits."""
    live_jobs = Job.objects.filter(pool__in=of, status__in=(Job.Status.QUEUED, Job.Status.RUNNING)).order_by()
    waiting, running = _by_contest(live_jobs), dict[tuple[int, str], int]()
    by_host = live_jobs.filter(status=Job.Status.RUNNING).values_list("pool_id", "host")
    for pool_id, host, count in by_host.annotate(count=Count("pk")):
        running[pool_id, host] = count
    since, hosts = pools.heard_since(), defaultdict[int, list[Host]](list)
    for row in RunnerHost.objects.filter(pool__in=of).order_by("name"):
        hosts[row.pool_id].append(Host(row, row.seen_at >= since, running.get((row.pool_id, row.name), 0)))
    return [
        Overview(pool, sorted(waiting[pool.pk], key=lambda each: (-each.waiting, each.slug)), hosts[pool.pk])
        for pool in of
    ]


def _by_contest(live_jobs: QuerySet[Job]) -> defaultdict[int, list[Waiting]]:
    queued = Q(status=Job.Status.QUEUED)
    held = frozenset(HeldQueue.objects.values_list("pk", flat=True))
    rows = live_jobs.values_list(
        "pool_id", "contest_id", "contest__slug", "contest__title", "contest__queue_weight"
    ).annotate(
        waiting=Count("pk", filter=queued),
        running=Count("pk", filter=~queued),
        oldest=Min("queued_at", filter=queued),
    )
    found = defaultdict[int, list[Waiting]](list)
    for pool_id, contest, slug, title, weight, waiting, busy, oldest in rows:
        row = Waiting(contest, slug or "", title or "", weight or 1, waiting, busy, oldest, contest in held)
        found[pool_id].append(row)
    return found


def hold(pool: Pool, *, by: User | None = None) -> None:
    """Nothing more is handed out; what runs goes on."""
    _set_held(pool, held=True, by=by)


def release(pool: Pool, *, by: User | None = None) -> None:
    _set_held(pool, held=False, by=by)
    bell.ring_after_commit(pool)


@transaction.atomic
def _set_held(pool: Pool, *, held: bool, by: User | None) -> None:
    Pool.objects.filter(pk=pool.pk).update(held=held)
    pool.held = held
    audit.note(by, pool, "held" if held else "released")
    transaction.on_commit(lambda: feed.pool_changed(pool.pk))


def drain(host: RunnerHost, *, by: User | None = None) -> None:
    """The host finishes what it runs and is given nothing more; its agent may go on asking."""
    _set_draining(host, draining=True, by=by)


def resume(host: RunnerHost, *, by: User | None = None) -> None:
    _set_draining(host, draining=False, by=by)
    bell.ring_after_commit(host.pool)


@transaction.atomic
def _set_draining(host: RunnerHost, *, draining: bool, by: User | None) -> None:
    RunnerHost.objects.filter(pk=host.pk).update(draining=draining)
    host.draining = draining
    audit.note(by, host.pool, f"host {host.name} {'drains' if draining else 'works again'}")
    transaction.on_commit(lambda: feed.pool_changed(host.pool_id))


@transaction.atomic
def name_operators(pool: Pool, people: Sequence[User], *, by: User | None = None) -> None:
    """Who may do all this beside superusers. Nobody else's pool becomes theirs."""
    pool.operators.set(people)
    names = ", ".join(sorted(person.username for person in people))
    audit.note(by, pool, f"operators: {names or 'none'}")
