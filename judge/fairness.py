"""Which jobs may be claimed, and whose turn it is."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from judge.models import Job

_PERSON = Coalesce("run__submission__user", "task_check__started_by")


def claimable(now: datetime.datetime) -> Q:
    """Queued jobs, and running ones whose lease has run out and that have attempts left."""
    return Q(status=Job.Status.QUEUED) | Q(
        status=Job.Status.RUNNING,
        lease_until__lt=now,
        attempt__lt=settings.PODIUM_MAX_ATTEMPTS + F("pardoned"),
    )


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
