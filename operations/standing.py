"""How the site does, in words for people: its parts, its pools, whether it takes submissions."""

from __future__ import annotations

import dataclasses
import datetime

from django.db.models import Count, Min
from django.utils import timezone
from django.utils.translation import gettext as _

from compute import pools
from compute.models import Pool
from judge.models import Job
from operations import health, notices
from operations.models import Notice

GOOD, WARN, BAD = "good", "warn", "bad"


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    title: str
    sentence: str
    level: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoolStanding:
    name: str
    held: bool
    hosts: int
    running: int
    waiting: int
    longest_s: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    sentence: str
    level: str
    parts: list[Part]
    pools: list[PoolStanding]
    past: list[Notice]
    readable: bool  # whether the database answers at all
    at: datetime.datetime


def of_the_site() -> Standing:
    report = health.report()
    now = timezone.now()
    readable = report.parts["migrations"].ok
    found = _pools(now) if readable else []
    sentence, level = _sentence(report, found)
    return Standing(
        sentence=sentence,
        level=level,
        parts=_parts(report),
        pools=found,
        past=notices.past() if readable else [],
        readable=readable,
        at=now,
    )


def _sentence(report: health.Report, found: list[PoolStanding]) -> tuple[str, str]:
    if not report.ready:
        return _("Something is broken: submissions may be refused. Accepted ones are safe."), BAD
    notice = notices.current()
    if notice is not None and notice.read_only:
        return _("The site is read-only: nothing can be handed in at the moment."), WARN
    if any(pool.waiting and not pool.hosts for pool in found):
        return _("Submissions are accepted; some wait because no runner host of their pool is up."), WARN
    if any(pool.waiting and pool.held for pool in found):
        return _("Submissions are accepted; some wait because their pool is held by its operators."), WARN
    if not report.parts["broker"].ok:
        return _("Submissions are accepted and judged; pages do not move by themselves."), WARN
    return _("Everything works."), GOOD


def _parts(report: health.Report) -> list[Part]:
    titles = {
        "database": _("Database"),
        "migrations": _("Database schema"),
        "blobs": _("File store"),
        "broker": _("Live updates"),
    }
    return [
        Part(titles[name], _("works"), GOOD)
        if part.ok
        else Part(titles[name], _("does not work"), BAD if part.needed else WARN)
        for name, part in report.parts.items()
    ]


def _pools(now: datetime.datetime) -> list[PoolStanding]:
    known = list(Pool.objects.order_by("slug"))
    running = {pk: count for pk, count, _first in under_way(known, Job.Status.RUNNING)}
    waiting = {pk: (count, first) for pk, count, first in under_way(known, Job.Status.QUEUED)}
    found = []
    for pool in known:
        count, first = waiting.get(pool.pk, (0, None))
        found.append(
            PoolStanding(
                name=pool.slug,
                held=pool.held,
                hosts=len(pools.live_hosts(pool.pk)),
                running=running.get(pool.pk, 0),
                waiting=count,
                longest_s=None if first is None else (now - first).total_seconds(),
            )
        )
    return found


def under_way(known: list[Pool], status: Job.Status) -> list[tuple[int, int, datetime.datetime]]:
    """Pool, number of its jobs in that state, and when the first was queued. Pools are named for the index's sake."""
    rows = Job.objects.filter(pool__in=[pool.pk for pool in known], status=status).values("pool").order_by()
    return [
        (row["pool"], row["jobs"], row["first"])
        for row in rows.annotate(jobs=Count("pk"), first=Min("queued_at"))
    ]
