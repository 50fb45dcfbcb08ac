"""What Prometheus reads at `/metrics`, asked of the database and the broker at each scrape.

Theory of operation. There may be several web processes, any of which answers a scrape, and they restart. A counter
kept in memory would jump between them. What the database knows for all of them is read from there: the queue, runs by
verdict and duration, attempts, how jobs were started. The one thing that only processes know, how many live streams
they hold, each tells the broker every few seconds (live.feed). Sums over all runs are kept (operations.run_sums), and
what was read altogether for some seconds.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q, Sum
from django.utils import timezone
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from compute import pools
from compute.models import Pool
from judge.models import Job
from live import census
from operations import health, notices, space
from operations.kept import Kept
from operations.run_sums import RunSums

KEPT_S = 10.0
BUCKETS_S = (1, 5, 15, 60, 300, 900, 3600, 14_400)
LATELY = datetime.timedelta(hours=1)
BROKER_S = 1.0
SUMS = RunSums(BUCKETS_S)
HELD_AN_ATTEMPT = (Job.Status.RUNNING, Job.Status.FINISHED, Job.Status.CANCELLED)


class _Figures(Collector):
    def collect(self) -> Iterable[Metric]:
        now = timezone.now()
        yield from _site()
        yield from _queue(now)
        yield from _hosts()
        yield from _runs(now)
        yield _attempts_lost()
        yield _started(now)
        yield from _streams()


def _written() -> bytes:
    registry = CollectorRegistry()
    registry.register(_Figures())
    return generate_latest(registry)


KEPT = Kept(_written)


def text(*, kept_s: float = KEPT_S) -> bytes:
    """All figures in Prometheus' text format, at most so old."""
    return KEPT.get(kept_s)


def _site() -> Iterator[Metric]:
    report = health.report()
    info = GaugeMetricFamily("podium_info", "The version that runs.", labels=["version"])
    info.add_metric([settings.PODIUM_VERSION], 1)
    yield info
    yield GaugeMetricFamily(
        "podium_ready", "1 while /readyz says that the site is ready.", value=float(report.ready)
    )
    checks = GaugeMetricFamily(
        "podium_check_ok", "1 for each part that /readyz found in order.", labels=["check"]
    )
    for name, part in report.parts.items():
        checks.add_metric([name], float(part.ok))
    yield checks
    shown = notices.current(kept_s=0)
    read_only = float(shown is not None and shown.read_only)
    yield GaugeMetricFamily("podium_read_only", "1 while nothing can be handed in.", value=read_only)
    free = GaugeMetricFamily(
        "podium_disk_free_bytes", "Space left, of what lies on this machine.", labels=["holds"]
    )
    for what, left in space.left().items():
        free.add_metric([what], left)
    yield free


def _queue(now: datetime.datetime) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("podium_queue_jobs", "Jobs that wait.", labels=["pool", "kind"])
    age = GaugeMetricFamily("podium_queue_oldest_seconds", "How long the oldest one waits.", labels=["pool"])
    running = GaugeMetricFamily("podium_jobs_running", "Jobs that run.", labels=["pool", "kind"])
    overdue = GaugeMetricFamily(
        "podium_leases_overdue", "Running jobs whose host has gone silent.", labels=["pool"]
    )
    slugs = dict(Pool.objects.order_by("slug").values_list("pk", "slug"))
    oldest: dict[int, datetime.datetime] = {}
    for row in _jobs(slugs, Job.Status.QUEUED).annotate(first=Min("queued_at")):
        waiting.add_metric([slugs[row["pool"]], row["kind"]], row["jobs"])
        oldest[row["pool"]] = min(row["first"], oldest.get(row["pool"], row["first"]))
    late = Counter[int]()
    for row in _jobs(slugs, Job.Status.RUNNING).annotate(late=Count("pk", filter=Q(lease_until__lt=now))):
        running.add_metric([slugs[row["pool"]], row["kind"]], row["jobs"])
        late[row["pool"]] += row["late"]
    for pool, slug in slugs.items():
        age.add_metric([slug], (now - oldest[pool]).total_seconds() if pool in oldest else 0.0)
        overdue.add_metric([slug], late[pool])
    yield from (waiting, age, running, overdue)


def _jobs(pools_: Iterable[int], status: Job.Status) -> Any:
    # Pools are named for the index's sake.
    return (
        Job.objects.filter(pool__in=list(pools_), status=status)
        .values("pool", "kind")
        .annotate(jobs=Count("pk"))
        .order_by()
    )


def _hosts() -> Iterator[Metric]:
    live = GaugeMetricFamily(
        "podium_hosts_live", "Runner hosts heard in the last two minutes.", labels=["pool"]
    )
    held = GaugeMetricFamily("podium_pool_held", "1 for a pool that hands out no jobs.", labels=["pool"])
    devices = GaugeMetricFamily("podium_devices", "GPUs of live hosts.", labels=["pool", "state"])
    for pool in Pool.objects.order_by("slug"):
        hosts = pools.live_hosts(pool.pk)
        live.add_metric([pool.slug], len(hosts))
        held.add_metric([pool.slug], float(pool.held))
        states = Counter(str(device["state"]) for host in hosts for device in host.devices)
        for state, count in states.items():
            devices.add_metric([pool.slug, state], count)
    yield from (live, held, devices)


def _runs(now: datetime.datetime) -> Iterator[Metric]:
    runs, submissions = SUMS.at(now)
    taken = CounterMetricFamily("podium_submissions", "Submissions accepted, trials not counted.")
    taken.add_metric([], submissions)
    yield taken
    took = HistogramMetricFamily(
        "podium_run_seconds", "Wall time of ended runs' programs.", labels=["kind", "verdict"]
    )
    for key, counted in runs.items():
        buckets = [(str(float(edge)), counted[f"b{edge}"]) for edge in BUCKETS_S]
        took.add_metric([*key], [*buckets, ("+Inf", counted["runs"])], counted["seconds"])
    yield took


def _attempts_lost() -> Metric:
    """Attempts that ended by a lease that ran out or by a fault of ours; those of stopped agents are pardoned."""
    lost = CounterMetricFamily(
        "podium_attempts_lost", "Attempts that a host lost or gave back.", labels=["pool"]
    )
    slugs = dict(Pool.objects.order_by("slug").values_list("pk", "slug"))
    # Of a job that came through at the first attempt there is nothing to tell, and nearly all do.
    once_lost = Job.objects.filter(
        pool__in=list(slugs), status__in=(Job.Status.QUEUED, Job.Status.FAILED), attempt=1
    )
    found = Counter[int]()
    for rows in (Job.objects.filter(pool__in=list(slugs), attempt__gt=1), once_lost):
        for row in (
            rows.values("pool")
            .order_by()
            .annotate(
                attempts=Sum("attempt"),
                forgiven=Sum("pardoned"),
                held=Count("pk", filter=Q(status__in=HELD_AN_ATTEMPT)),
            )
        ):
            found[row["pool"]] += row["attempts"] - row["forgiven"] - row["held"]
    for pool, slug in slugs.items():
        lost.add_metric([slug], max(0, found[pool]))
    return lost


def _started(now: datetime.datetime) -> Metric:
    """Of the jobs that were queued and ended in the last hour. Agents report it with each job."""
    started = GaugeMetricFamily(
        "podium_starts_last_hour", "Jobs of the last hour by how they began.", labels=["pool", "start"]
    )
    since = now - LATELY
    for pool in Pool.objects.order_by("slug"):
        ended = Job.objects.filter(
            pool=pool, status=Job.Status.FINISHED, queued_at__gte=since, finished_at__gte=since
        )
        how = Counter(
            "warm" if stages.get("warm") else "cold" for stages in ended.values_list("stages", flat=True)
        )
        for start in ("warm", "cold"):
            started.add_metric([pool.slug, start], how[start])
    return started


def _streams() -> Iterator[Metric]:
    client = Redis.from_url(settings.REDIS_URL, socket_timeout=BROKER_S, socket_connect_timeout=BROKER_S)
    try:
        counted = census.read(client)
    except (RedisError, OSError):
        return  # podium_check_ok says why; a zero here would be wrong
    finally:
        client.close()
    yield GaugeMetricFamily(
        "podium_live_streams", "Open live streams of all web processes.", value=sum(counted)
    )
    yield GaugeMetricFamily(
        "podium_web_processes", "Web processes that hold or held streams.", value=len(counted)
    )
