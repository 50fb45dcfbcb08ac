"""What organisers do with the queue of their own contest: hold it, release it, and have one submission judged next.

Another contest's share of a pool is left alone by all three (docs/adr/0025-…): what a contest does not take while it is
held the others have, and a preferred submission takes a turn that was its own contest's.
"""

from __future__ import annotations

import functools

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from compute.models import Pool
from contests.models import Contest, Submission
from judge import bell, feed, runs, transitions
from judge.models import HeldQueue, Job, Run


def is_held(contest: Contest) -> bool:
    return HeldQueue.objects.filter(pk=contest.pk).exists()


@transaction.atomic
def hold(contest: Contest, *, by: User | None) -> None:
    """Nothing more of the contest is handed out, in no pool; what runs goes on, and what waits keeps its place."""
    _, made = HeldQueue.objects.get_or_create(contest=contest)
    if made:
        audit.note(by, contest, "queue held")
        transaction.on_commit(functools.partial(feed.contest_held, contest.pk))


@transaction.atomic
def release(contest: Contest, *, by: User | None) -> None:
    gone, _ = HeldQueue.objects.filter(contest=contest).delete()
    if not gone:
        return
    audit.note(by, contest, "queue released")
    waiting = Job.objects.filter(contest=contest, status=Job.Status.QUEUED)
    for pool in Pool.objects.filter(pk__in=waiting.order_by().values("pool")):
        bell.ring_after_commit(pool)
    transaction.on_commit(functools.partial(feed.contest_held, contest.pk))


@transaction.atomic
def prefer(submission: Submission, *, by: User | None) -> bool:
    """Have it judged before all else of its contest that waits. False when it has ended: nothing was changed."""
    latest = runs.latest(submission)
    if latest is None:
        return False
    transitions.lock_run(latest.pk)
    run = Run.objects.exclude(status__in=Submission.TERMINAL).filter(pk=latest.pk).first()
    if run is None:
        return False
    if run.preferred_at is None:
        now = timezone.now()
        Run.objects.filter(pk=run.pk).update(preferred_at=now)
        live = Job.objects.filter(run=run, status__in=transitions.LIVE)
        live.update(preferred_at=now)
        audit.note(by, submission, "to be judged next")
        for pool_id in live.values_list("pool_id", flat=True):
            transaction.on_commit(functools.partial(feed.queue_moved, pool_id))
    return True
