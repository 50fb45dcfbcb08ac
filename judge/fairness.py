"""Which jobs may be claimed, and in which order: judge.turns over what the database holds.

Whatever waits, a claim reads who waits with how much (one grouped query over an index), up to where they have been
served (table Turn, and what runs now), and then only the jobs whose turn it is.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
from collections import defaultdict

from django.conf import settings
from django.db import transaction
from django.db.models import (
    BooleanField,
    Count,
    ExpressionWrapper,
    F,
    Max,
    Min,
    Q,
    QuerySet,
    Value,
    Window,
)
from django.db.models.functions import Greatest, Least, RowNumber

from contests.models import Contest
from judge import turns
from judge.models import HeldQueue, Job, Turn
from judge.turns import QUANTUM_S, Backlog, Key, Served

# How long a job for several devices lets others go first that need fewer.
DEVICE_PATIENCE = datetime.timedelta(minutes=5)
PREFERRED = Q(preferred_at__isnull=False)
WHOLE = 0  # the contestant of a Turn that is about its contest as a whole


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """Who waits for what a set of jobs needs, and who has been served how far."""

    jobs: QuerySet[Job]
    backlogs: list[Backlog]
    served: Served

    def place(self, job: Job) -> int | None:
        """In which place the job is, from 1; None when it is not of this line."""
        own = self.jobs.filter(contest=job.contest_id, contestant=job.contestant)
        earlier = Q(queued_at__lt=job.queued_at) | Q(queued_at=job.queued_at, pk__lt=job.pk)
        earlier = PREFERRED & earlier if job.preferred_at else PREFERRED | earlier
        key = (job.contest_id, job.contestant)
        return turns.place(self.backlogs, self.served, key, own.filter(earlier).count())

    def first(self, count: int) -> list[Job]:
        """The next `count` jobs, in order."""
        wanted = turns.first(self.backlogs, self.served, count)
        if not wanted:
            return []
        contests, contestants = {key[0] for key, _ in wanted}, {key[1] for key, _ in wanted}
        numbered = (
            self.jobs.filter(Q(contest__in=contests - {None}) | Q(contest=None), contestant__in=contestants)
            .annotate(
                number=Window(
                    RowNumber(),
                    ["contest", "contestant"],
                    [F("preferred").desc(), F("queued_at").asc(), F("pk").asc()],
                )
            )
            .filter(number__lte=1 + max(number for _, number in wanted))
        )
        found = {((job.contest_id, job.contestant), job.number - 1): job for job in numbered}
        return [found[each] for each in wanted if each in found]


def claimable(now: datetime.datetime) -> Q:
    """Queued jobs, and running ones whose lease has run out and that have attempts left, of no contest that is held."""
    expired = Q(lease_until__lt=now, attempt__lt=settings.PODIUM_MAX_ATTEMPTS + F("pardoned"))
    # The states first and by themselves: only so does every database read them from an index.
    live = Q(status__in=(Job.Status.QUEUED, Job.Status.RUNNING))
    return (
        live & (Q(status=Job.Status.QUEUED) | expired) & ~Q(contest__in=HeldQueue.objects.values("contest"))
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


def line(jobs: QuerySet[Job], pool_id: int, now: datetime.datetime) -> Line:
    """The line that these jobs of a pool form. A check is its organiser's, as a submission is its team's."""
    jobs = jobs.annotate(preferred=ExpressionWrapper(PREFERRED, BooleanField()))
    rows = (
        jobs.order_by()
        .values_list("contest_id", "contestant", "contest__queue_weight", "preferred")
        .annotate(waiting=Count("pk"), oldest=Min("queued_at"), newest=Max("queued_at"))
    )
    backlogs = [
        Backlog(contest, whose, waiting, oldest.timestamp(), weight or 1, newest.timestamp(), preferred)
        for contest, whose, weight, preferred, waiting, oldest, newest in rows
    ]
    return Line(jobs, backlogs, _served(pool_id, backlogs, now))


def _served(pool_id: int, backlogs: list[Backlog], now: datetime.datetime) -> Served:
    if not backlogs:
        return Served()
    of_contests = Turn.objects.filter(pool=pool_id, contestant=WHOLE)
    known = list(of_contests.values_list("contest_id", "start", "finish", "clock"))
    contests: dict[int | None, float] = {contest: finish for contest, _, finish, _ in known}
    those = Turn.objects.filter(
        pool=pool_id,
        contest__in={each.contest for each in backlogs} - {None},
        contestant__in={each.contestant for each in backlogs} - {WHOLE},
    ).values_list("contest_id", "contestant", "finish")
    contestants: dict[Key, float] = {(contest, contestant): finish for contest, contestant, finish in those}
    running = Job.objects.filter(pool=pool_id, status=Job.Status.RUNNING)
    shown = running.values_list("contest_id", "contestant", "contest__queue_weight", "claimed_at", "gpus")
    over: dict[int | None, float] = defaultdict(float)
    own_over: dict[Key, float] = defaultdict(float)
    for contest, contestant, weight, claimed_at, gpus in shown:
        # Longer than it was charged for when it was handed out.
        more = max(0.0, (now - claimed_at).total_seconds() - QUANTUM_S) * _slots(gpus) if claimed_at else 0.0
        over[contest] += more / (weight or 1)
        own_over[contest, contestant] += more
    return Served(
        clock=max((start for _, start, _, _ in known), default=0.0),
        clocks={contest: clock for contest, _, _, clock in known},
        contests={contest: finish + over[contest] for contest, finish in contests.items()},
        contestants={key: finish + own_over[key] for key, finish in contestants.items()},
    )


def _slots(gpus: int) -> int:
    """A run with several devices takes as many turns."""
    return max(1, gpus)


def charge(job: Job, served: Served) -> None:
    """A job was handed out: its contest and its contestant have had a turn of QUANTUM_S.

    The rows are always locked in this order, the contest's first, and last of all that a transaction locks.
    """
    if job.contest_id is None:
        return
    key = (job.contest_id, job.contestant)
    clock, own_clock = served.clock, served.clocks.get(job.contest_id, 0.0)
    begun = turns.start(served.contests.get(job.contest_id, 0.0), clock)
    own_begun = turns.start(served.contestants.get(key, 0.0), own_clock)
    missing = [
        Turn(pool_id=job.pool_id, contest_id=job.contest_id, contestant=contestant)
        for contestant, there in (
            (WHOLE, job.contest_id in served.contests),
            (job.contestant, key in served.contestants),
        )
        if not there
    ]
    if missing:
        Turn.objects.bulk_create(missing, ignore_conflicts=True)  # another claim may be as far
    cost = QUANTUM_S * _slots(job.gpus)
    # What is preferred is out of turn: by its start the clock would leap over those whose turn it was.
    moved = {} if job.preferred_at else {"clock": Greatest(F("clock"), Value(own_begun))}
    _turn(job, WHOLE).update(
        start=Greatest(F("start"), Value(begun)), finish=_started(clock) + cost / _weight(job), **moved
    )
    _turn(job, job.contestant).update(finish=_started(own_clock) + cost)


def settle(job: Job, *, seconds: float) -> None:
    """A job that had been charged a turn has ended after so many seconds, or was given back after none.

    It is written after the commit: an end goes on to lock what claims lock before their turns (a check, the scorer's
    blob), and a contest's row would be held for as long as its scores are counted. A crash in between costs a
    difference in whose turn it is, and nothing else.
    """
    if job.contest_id is not None:
        more = (seconds - QUANTUM_S) * _slots(job.gpus)
        transaction.on_commit(functools.partial(_settle, job, more), robust=True)


@transaction.atomic
def _settle(job: Job, more: float) -> None:
    _turn(job, WHOLE).update(finish=F("finish") + more / _weight(job))
    _turn(job, job.contestant).update(finish=F("finish") + more)


def _turn(job: Job, contestant: int) -> QuerySet[Turn]:
    return Turn.objects.filter(pool=job.pool_id, contest=job.contest_id, contestant=contestant)


def _started(clock: float) -> Greatest:
    """turns.start, of the row as it is when it is written."""
    return Greatest(Value(clock), Least(F("finish"), Value(clock + turns.FORGIVEN_S)))


def _weight(job: Job) -> int:
    weight = Contest.objects.filter(pk=job.contest_id or 0).values_list("queue_weight", flat=True).first()
    return max(1, weight or 1)
