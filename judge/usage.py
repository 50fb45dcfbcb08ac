"""What runs use: the curve of one as it grows, and sums by run, person and contest.

A curve is for watching; sums are made of the facts at a run's end alone. A cancelled run's facts never come, so its
last heartbeat counts instead: what it used was used. Attempts that failed by our fault are in no sum.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from contests.models import Contest, Submission
from judge import feed, stages, withholding
from judge.models import Job, Run, UsageSample
from runners import wire
from runners.usage import MAX_POINTS, UsagePoint
from runners.verdict import RunFacts

COLUMNS = tuple(field.name for field in dataclasses.fields(UsagePoint))
TOLD_AT_ONCE = 40  # points in one live event, which is to stay under 4 KB


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """The curve of a run's last attempt: rows of COLUMNS. `attempt` 0: it has not begun."""

    attempt: int
    rows: list[tuple[float | None, ...]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Runs that have run a program, and what they used together, in seconds."""

    runs: int
    wall_s: float
    cpu_s: float
    gpu_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Contestant(Totals):
    """A person's part of a contest; the peaks are those of their largest run, in bytes."""

    user_id: int
    username: str
    memory_peak: int
    disk_peak: int


def append(job: Job, points: list[UsagePoint]) -> int:
    """Keep the points that continue this attempt's curve; returns how many the site now has.

    A point sent twice is kept once; a gap is refused by answering where to continue. Raises wire.Malformed.
    """
    if job.run is None or not stages.has_curve(job):
        return MAX_POINTS  # of our own programs none are wanted, and of those beside hidden features none are kept
    last = UsageSample.objects.filter(job=job, attempt=job.attempt).last()
    have = 0 if last is None else last.number + 1
    fresh = [point for point in points if point.number >= have]
    if not fresh or fresh[0].number != have:
        return have
    if last is not None and (fresh[0].wall_s < last.wall_s or fresh[0].cpu_s < last.cpu_s):
        raise wire.Malformed("samples must not go back in time.")
    UsageSample.objects.bulk_create(
        [UsageSample(job=job, attempt=job.attempt, **dataclasses.asdict(point)) for point in fresh],
        ignore_conflicts=True,  # the same call twice at once
    )
    tell = functools.partial(_tell, job.run.submission_id, job.attempt, fresh)
    transaction.on_commit(tell)
    return have + len(fresh)


def _tell(submission_id: Any, attempt: int, points: list[UsagePoint]) -> None:
    for start in range(0, len(points), TOLD_AT_ONCE):
        part = points[start : start + TOLD_AT_ONCE]
        feed.usage_grew(submission_id, attempt, [point.as_json() for point in part])


def series(run: Run | None, after: int = 0) -> Series:
    """The points of the run's last attempt from number `after` on."""
    job = next(iter(stages.shown(run)), None)
    if job is None:
        return Series(0, [])
    kept = UsageSample.objects.filter(job=job, attempt=job.attempt, number__gte=after)
    return Series(job.attempt, list(kept.values_list(*COLUMNS)))


def of_facts(facts: RunFacts) -> dict[str, Any]:
    """The fields of Run that keep what it used."""
    return {
        "wall_s": facts.wall_s,
        "cpu_s": facts.cpu_s,
        "gpu_s": facts.gpu_s,
        "memory_peak": facts.memory_peak,
        "disk_peak": facts.disk_peak,
    }


def added(run: Run, used: dict[str, Any]) -> dict[str, Any]:
    """Those fields after one more stage: times are summed, of peaks the highest counts."""
    fields = ("wall_s", "cpu_s", "gpu_s", "memory_peak", "disk_peak")
    return {
        name: getattr(run, name) + used[name] if name.endswith("_s") else max(getattr(run, name), used[name])
        for name in fields
        if name in used
    }


def of_cancelled(job: Job) -> dict[str, Any]:
    """What an attempt that is called back used, as far as its heartbeats told."""
    if not stages.is_program(job):
        return {}
    peaks = UsageSample.objects.filter(job=job, attempt=job.attempt).aggregate(
        memory=Coalesce(Max("memory"), 0), disk=Coalesce(Max("disk"), 0)
    )
    told = job.usage
    if stages.withheld(job):
        facts = RunFacts(
            exit_code=None,
            signal=None,
            wall_s=told.get("wall_s", 0.0),
            cpu_s=told.get("cpu_s", 0.0),
            gpu_s=told.get("wall_s", 0.0) * job.gpus,
            memory_peak=int(told.get("memory", 0)),
        )
        return withholding.coarse(facts) if told else {}
    return {
        "wall_s": told.get("wall_s", 0.0),
        "cpu_s": told.get("cpu_s", 0.0),
        "gpu_s": told.get("wall_s", 0.0) * job.gpus,
        "memory_peak": max(peaks["memory"], int(told.get("memory", 0))),
        "disk_peak": max(peaks["disk"], int(told.get("disk", 0))),
    }


_RAN = Q(wall_s__gt=0)
_SUMS = {
    "runs": Count("pk", filter=_RAN),
    "wall_s": Coalesce(Sum("wall_s"), 0.0),
    "cpu_s": Coalesce(Sum("cpu_s"), 0.0),
    "gpu_s": Coalesce(Sum("gpu_s"), 0.0),
}


def _summed(runs: QuerySet[Run]) -> Totals:
    return Totals(**runs.aggregate(**_SUMS))


def of_user(user: User, contest: Contest | None = None) -> Totals:
    """What a person's runs used, in one contest or in all."""
    runs = Run.objects.filter(submission__user=user)
    if contest is not None:
        runs = runs.filter(submission__contest=contest)
    return _summed(runs)


def of_submissions(submissions: QuerySet[Submission]) -> Totals:
    return _summed(Run.objects.filter(submission__in=submissions.order_by().values("pk")))


def of_contest(contest: Contest) -> Totals:
    return _summed(Run.objects.filter(submission__contest=contest))


def by_contestant(contest: Contest) -> list[Contestant]:
    """Who used how much in a contest, the most CPU time first. One query however many they are."""
    rows: Any = (
        Run.objects.filter(_RAN, submission__contest=contest)
        .values(user_id=F("submission__user"), username=F("submission__user__username"))
        .annotate(**_SUMS, memory_peak=Max("memory_peak"), disk_peak=Max("disk_peak"))
        .order_by("-cpu_s", "username")
    )
    return [Contestant(**row) for row in rows]
