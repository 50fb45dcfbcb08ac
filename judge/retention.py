"""Deleting what runs left behind once their contest's time for that is over (Contest.retention_days).

What goes: the log, the usage curve, the files that a program left in /output (an executed notebook among them), and
the model that a training left. What stays for ever: submissions with the file that was handed in, verdicts, sums of
what was used, scores and every event of a board. So a submission can be judged again, and every public number computed
again, long after its log has gone. Usage curves of all contests go after PODIUM_USAGE_DAYS.

Files go when nothing refers to them any more (contests.unnamed): the same bytes may be another run's.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone

from contests.models import Contest, Submission
from judge.models import Job, JobUpload, LogChunk, Run, RunFile, UsageSample
from judge.transitions import LIVE

BATCH = 200
OLDEST = 5000  # points of usage that are looked at together
# An attempt's uploads are of no use once its job has ended; a little later, for whoever looks into a failure.
UPLOADS_KEPT = datetime.timedelta(hours=1)


@dataclasses.dataclass(slots=True)
class Left:
    """What old runs of a contest still hold."""

    contest: str
    runs: int = 0
    log_bytes: int = 0
    samples: int = 0
    files: int = 0
    file_bytes: int = 0


def old_runs(contest: Contest, now: datetime.datetime) -> QuerySet[Run]:
    """Runs that ended so long ago that only results are kept of them."""
    if contest.retention_days is None:
        return Run.objects.none()
    before = now - datetime.timedelta(days=contest.retention_days)
    ended = Run.objects.filter(submission__contest=contest, finished_at__lt=before)
    return ended.filter(status__in=Submission.TERMINAL)


def left(contest: Contest, now: datetime.datetime) -> Left:
    """What `remove` would delete now. Changes nothing."""
    runs = _holding(old_runs(contest, now))
    files = RunFile.objects.filter(run__in=runs).aggregate(n=Count("pk"), size=Sum("blob__size"))
    log = LogChunk.objects.filter(job__run__in=runs).aggregate(size=Sum(Length("data")))
    return Left(
        contest=contest.slug,
        runs=runs.count(),
        log_bytes=log["size"] or 0,
        samples=UsageSample.objects.filter(job__run__in=runs).count(),
        files=files["n"],
        file_bytes=files["size"] or 0,
    )


def remove(now: datetime.datetime | None = None, *, within_s: float = 20.0) -> int:
    """Delete it in all contests, a few runs at a time, until the time is over. Returns how many runs were emptied."""
    now, until, emptied = now or timezone.now(), time.monotonic() + within_s, 0
    for contest in Contest.objects.exclude(retention_days=None):
        for batch in _batches(_holding(old_runs(contest, now)), until):
            _empty(batch)
            emptied += len(batch)
    remove_curves(now, until=until)
    remove_uploads(now)
    return emptied


def remove_curves(now: datetime.datetime, *, until: float) -> None:
    """Usage curves of every contest's runs that ended longer ago than PODIUM_USAGE_DAYS."""
    if not settings.PODIUM_USAGE_DAYS:
        return
    before = now - datetime.timedelta(days=settings.PODIUM_USAGE_DAYS)
    # Points are numbered as they come: the oldest first. Those of a job that never ends are passed over.
    last = 0
    while time.monotonic() < until:
        points = UsageSample.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "job")
        looked_at = list(points[:OLDEST])
        of_jobs = {job for _, job in looked_at}
        ended = Job.objects.filter(pk__in=of_jobs).exclude(status__in=LIVE)
        old = list(ended.filter(finished_at__lt=before).values_list("pk", flat=True))
        UsageSample.objects.filter(job__in=old).delete()
        if not looked_at or (not old and ended.exists()):
            return  # none is left, or these ended lately, and what comes behind them is younger still
        last = looked_at[-1][0]


def expired_uploads(now: datetime.datetime) -> QuerySet[JobUpload]:
    """What ended attempts sent: their finish has turned it into results, or nothing will."""
    own = Job.objects.filter(pk=OuterRef("job"))
    ended = own.filter(finished_at__lt=now - UPLOADS_KEPT).exclude(status__in=LIVE)
    # Asked of each upload, of which there are few: jobs are many.
    return JobUpload.objects.filter(Exists(ended) | Exists(own.filter(attempt__gt=OuterRef("attempt"))))


def remove_uploads(now: datetime.datetime) -> int:
    return expired_uploads(now).delete()[0]


def _holding(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Those that still have something to delete. Each is asked by itself: joined, lines of a log would be multiplied by
    points of a curve and by files.
    """
    own = Job.objects.filter(run=OuterRef("pk"))
    made = Q(predictions__isnull=False) & ~Q(predictions=F("run__submission__blob"))
    return runs.filter(
        Exists(RunFile.objects.filter(run=OuterRef("pk")))
        | Exists(own.filter(Q(model__isnull=False) | made))
        | Exists(LogChunk.objects.filter(job__run=OuterRef("pk")))
        | Exists(UsageSample.objects.filter(job__run=OuterRef("pk")))
    )


def _batches(runs: QuerySet[Run], until: float) -> Iterator[list[int]]:
    while time.monotonic() < until:
        batch = list(runs.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not batch:
            return
        yield batch


@transaction.atomic
def _empty(runs: list[int]) -> None:
    jobs = Job.objects.filter(run__in=runs)
    LogChunk.objects.filter(job__in=jobs).delete()
    UsageSample.objects.filter(job__in=jobs).delete()
    JobUpload.objects.filter(job__in=jobs).delete()
    RunFile.objects.filter(run__in=runs).delete()
    jobs.update(model=None)
    # Predictions that were handed in are the submission's own file, and stay.
    jobs.exclude(predictions=F("run__submission__blob")).update(predictions=None)
