"""How much a team has used and may still use: submissions a day, in a phase and at once, and GPU minutes in a phase.

What costs is decided by contests.rules alone; the query here reads the same sets. It is exact where it is asked
under the lock of the team's row, as judge.intake does before it writes a submission: whatever changes meanwhile without
that lock (a run ends, is cancelled, or fails by our fault) only ever gives something back.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Least
from django.utils import timezone
from django.utils.translation import gettext as _

from contests import joining, rules
from contests.models import Contest, Phase, Submission, SubmissionQuerySet, TaskVersion, Team
from judge import stages, withholding
from judge.models import Job, Run
from runners.spec import JobKind

MINUTE_S = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Quota:
    """What a team has used and may still use. A limit of None is none. The next day starts at `resets_at`."""

    used_today: int
    daily_limit: int
    used_total: int
    total_limit: int | None
    resets_at: datetime.datetime
    pending: int = 0  # waiting or running now
    pending_limit: int | None = None
    gpu_used_s: float = 0.0  # charged for what has ended
    gpu_held_s: float = 0.0  # by what waits or runs: as much as it may take at most
    gpu_minutes_limit: int | None = None
    gpu_needed_s: float = 0.0  # the least that a submission to the phase must find free
    rehearsals_today: int = 0  # that failed, and so were free
    rehearsals_limit: int = 1
    rehearses: bool = False  # a task of the phase has hidden rows, and takes what is rehearsed
    explained_left: int | None = (
        None  # failures beside hidden rows that are told more of today; None: no such rows
    )
    explained_limit: int = 0

    @property
    def left_today(self) -> int:
        return max(0, self.daily_limit - self.used_today)

    @property
    def rehearsals_left(self) -> int:
        return max(0, self.rehearsals_limit - self.rehearsals_today)

    @property
    def left_total(self) -> int | None:
        return None if self.total_limit is None else max(0, self.total_limit - self.used_total)

    @property
    def left_pending(self) -> int | None:
        return None if self.pending_limit is None else max(0, self.pending_limit - self.pending)

    @property
    def gpu_left_s(self) -> float | None:
        if self.gpu_minutes_limit is None:
            return None
        return max(0.0, self.gpu_minutes_limit * MINUTE_S - self.gpu_used_s - self.gpu_held_s)

    @property
    def left(self) -> int:
        """How many can be handed in now: the smallest of what the limits leave."""
        if self.rehearsals_today >= self.rehearsals_limit:
            return 0
        found = [self.left_today, self.left_total, self.left_pending]
        if self.gpu_left_s is not None and self.gpu_needed_s:
            found.append(int(self.gpu_left_s // self.gpu_needed_s))
        return min(left for left in found if left is not None)

    @property
    def spent(self) -> str:
        """Why nothing more can be handed in now, in a sentence that says when; "" while something can."""
        if self.left_total == 0:
            return _("You have used all %(limit)s submissions that are allowed in total.") % {
                "limit": self.total_limit
            }
        if self.left_today == 0:
            return _(
                "You have used all %(limit)s submissions of today. The next day starts at 00:00 UTC."
            ) % {"limit": self.daily_limit}
        if self.left_pending == 0:
            return _(
                "%(pending)s of your submissions are waiting or running, and at most %(limit)s may at once. Hand in "
                "again when one of them has ended, or cancel one."
            ) % {"pending": self.pending, "limit": self.pending_limit}
        if self.rehearsals_today >= self.rehearsals_limit:
            return _(
                "%(limit)s of your programs have failed in their rehearsals today, and no more are tried for free. Run "
                "your program on the public files at home. The next day starts at 00:00 UTC."
            ) % {"limit": self.rehearsals_limit}
        return self._gpu_spent()

    def _gpu_spent(self) -> str:
        if self.gpu_left_s is None or self.gpu_needed_s <= self.gpu_left_s:
            return ""
        minutes = {
            "needed": in_minutes(self.gpu_needed_s),
            "left": in_minutes(self.gpu_left_s),
            "limit": self.gpu_minutes_limit,
            "held": in_minutes(self.gpu_held_s),
        }
        if self.gpu_held_s:
            return (
                _(
                    "A run may take up to %(needed)s GPU minutes, and %(left)s of your %(limit)s are free; %(held)s "
                    "are held by what is waiting or running. Hand in again when that has ended: what it does not use "
                    "comes back."
                )
                % minutes
            )
        return (
            _(
                "A run may take up to %(needed)s GPU minutes, and %(left)s of your %(limit)s in this phase are left. "
                "Only the organisers can allow more."
            )
            % minutes
        )


def in_minutes(seconds: float) -> str:
    """GPU minutes as they are told: whole ones without a decimal, never more than there are."""
    return f"{int(seconds / MINUTE_S * 10) / 10:g}"


def costing(submissions: SubmissionQuerySet) -> SubmissionQuerySet:
    """Those for which contests.rules.costs_quota says yes. An organiser's trials never cost.

    What became of the first run decides: judging again costs nothing and gives nothing back.
    """
    free = Q(verdict__in=rules.FREE_VERDICTS) | Q(verdict__in=rules.FREE_UNLESS_STARTED, started_at=None)
    return (
        submissions.filter(trial=False)
        .exclude(Exists(_first_run().filter(free)))
        .exclude(Exists(_ended_rehearsing()))
    )


def _first_run() -> QuerySet[Run]:
    return Run.objects.filter(submission=OuterRef("pk"), generation=1)


def _ended_rehearsing() -> QuerySet[Run]:
    """First runs that ended before their program met the hidden features."""
    of_kind = Job.objects.filter(run=OuterRef("pk"))
    return (
        _first_run()
        .exclude(verdict="")
        .filter(Exists(of_kind.filter(kind=JobKind.REHEARSE)))
        .exclude(Exists(of_kind.filter(kind=JobKind.RUN)))
    )


def of(team: Team | None, phase: Phase, now: datetime.datetime, *, gpu_needed_s: float = 0.0) -> Quota:
    """The quota of a team (None: of somebody who has not joined yet) at a moment, for what arrives then.

    A rejudge is no submission, costs nothing and does not count as pending.
    """
    midnight = rules.day_start(now)
    tomorrow = midnight + datetime.timedelta(days=1)
    quota = Quota(
        0,
        phase.daily_limit,
        0,
        phase.total_limit,
        tomorrow,
        pending_limit=phase.pending_limit,
        gpu_minutes_limit=phase.gpu_minutes_limit,
        gpu_needed_s=gpu_needed_s,
        rehearsals_limit=settings.PODIUM_FREE_REHEARSALS_PER_DAY,
    )
    if team is None:
        return quota
    own = Submission.objects.filter(team=team, phase=phase, trial=False)
    today = Q(created_at__gte=midnight, created_at__lt=tomorrow)
    # One that our fault or a call before its start has ended is free anyway.
    tried = Exists(_ended_rehearsing().exclude(started_at=None).exclude(verdict__in=rules.FREE_VERDICTS))
    return dataclasses.replace(
        quota,
        **costing(own).aggregate(used_today=Count("pk", filter=today), used_total=Count("pk")),
        **_taken(team, phase),
        rehearsals_today=own.filter(today).filter(tried).count(),
    )


def _taken(team: Team, phase: Phase) -> dict[str, Any]:
    """What is under way, and GPU time: held at its most until a run has ended, then charged as it was used.

    A charge is never more than what was held for it: a kill takes a moment, and that moment is ours.
    """
    live = ~Q(status__in=Submission.TERMINAL)
    charge = Coalesce(Least("gpu_s", "gpu_held_s"), "gpu_s")
    runs = Run.objects.filter(
        generation=1, submission__team=team, submission__phase=phase, submission__trial=False
    )
    found = runs.aggregate(
        pending=Count("pk", filter=live),
        held=Sum("gpu_held_s", filter=live),
        charged=Sum(charge, filter=~live & ~Q(verdict__in=rules.FREE_VERDICTS)),
    )
    return {
        "pending": found["pending"],
        "gpu_held_s": found["held"] or 0.0,
        "gpu_used_s": found["charged"] or 0.0,
    }


def current_phase(contest: Contest, now: datetime.datetime) -> Phase | None:
    """The phase that takes submissions now; phases that overlap count in order of position."""
    for phase in contest.phases.order_by("position"):
        if rules.is_open(now, phase.starts_at, phase.ends_at):
            return phase
    return None


def quota(user: object, contest: Contest) -> Quota | None:
    """What the user has used and may still hand in; None when no phase is open."""
    now = timezone.now()
    phase = current_phase(contest, now)
    if phase is None:
        return None
    place = joining.participation_of(user, contest)
    team = place.team if place is not None else None
    active = list(TaskVersion.objects.filter(task__phase=phase, active=True))
    needs = [stages.most_gpu_s(version, kind) for version in active for kind in version.kinds]
    shown = of(team, phase, now, gpu_needed_s=min(needs, default=0.0))
    return dataclasses.replace(shown, **_of_hidden(team, active, now))


def _of_hidden(team: Team | None, active: list[TaskVersion], now: datetime.datetime) -> dict[str, Any]:
    """What the phase's tasks with hidden rows add; of several tasks the one that explains the least is told."""
    versions = [version for version in active if version.hides_features]
    if not versions:
        return {}
    left = {version: withholding.replies_left(team, version, now) for version in versions}
    least = min(versions, key=left.__getitem__)
    return {
        "rehearses": any({"script", "notebook"} & set(version.kinds) for version in versions),
        "explained_left": left[least],
        "explained_limit": least.hidden_replies,
    }
