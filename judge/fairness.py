"""Which jobs may be claimed, and whose turn it is."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from judge.models import Job

# How long a job for several devices lets others go first that need fewer.
DEVICE_PATIENCE = datetime.timedelta(minutes=5)
_PERSON = Coalesce("run__submission__user", "task_check__started_by")


def claimable(now: datetime.datetime) -> Q:
    """Queued jobs, and running ones whose lease has run out and that have attempts left."""
    return Q(status=Job.Status.QUEUED) | Q(
        status=Job.Status.RUNNING,
        lease_until__lt=now,
        attempt__lt=settings.PODIUM_MAX_ATTEMPTS + F("pardoned"),
    )


def fitting(jobs: QuerySet[Job], *, free: int, usable: int, now: datetime.datetime) -> QuerySet[Job]:
    """Those that need no more devices than a host has free, of all that it could use.

    A job for several would wait for ever where each device that falls free is taken at once. After DEVICE_PATIENCE it
    holds later jobs back on every host that could run it, but none that needs no device.
    """
    fit = jobs.filter(gpus__lte=free)
    if not 0 < free < usable:
        return fit
    waiting = jobs.filter(gpus__gt=free, gpus__lte=usable, queued_at__lt=now - DEVICE_PATIENCE)
    longest = waiting.order_by("queued_at").values_list("queued_at", flat=True).first()
    return fit if longest is None else fit.filter(Q(gpus=0) | Q(queued_at__lt=longest))


def in_fair_order(jobs: QuerySet[Job], now: datetime.datetime) -> QuerySet[Job]:
    """First the person with the fewest jobs running in this pool, then the longest wait.

    A check is its organiser's, as a submission is its contestant's.
    """
    busy = (
        Job.objects.annotate(person=_PERSON)
        .filter(
            status=Job.Status.RUNNING,
            lease_until__gte=now,
            pool=OuterRef("pool"),
            person=OuterRef("person"),
        )
        .order_by()
        .values("pool")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return (
        jobs.annotate(person=_PERSON)
        .annotate(busy=Coalesce(Subquery(busy), Value(0)))
        .order_by("busy", "queued_at", "pk")
    )
