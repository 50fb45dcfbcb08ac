"""How many submissions a team has used and may still make, in a day and in a whole phase.

What costs is decided by contests.rules alone; the query here reads the same sets. It is exact where it is asked
under the lock of the team's row, as judge.intake does before it writes a submission.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from contests import joining, rules
from contests.models import Contest, Phase, Submission, SubmissionQuerySet, TaskVersion, Team
from judge import withholding
from judge.models import Job, Run
from runners.spec import JobKind


@dataclasses.dataclass(frozen=True, slots=True)
class Quota:
    """`total_limit` is None where there is only a daily one. The next day starts at `resets_at`."""

    used_today: int
    daily_limit: int
    used_total: int
    total_limit: int | None
    resets_at: datetime.datetime
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
    def left(self) -> int:
        """How many can be handed in now: the smaller of what the day and the phase leave."""
        if self.rehearsals_today >= self.rehearsals_limit:
            return 0
        return self.left_today if self.left_total is None else min(self.left_today, self.left_total)

    @property
    def spent(self) -> str:
        """Why nothing more can be handed in now, in a sentence; "" while something can."""
        if self.left_total == 0:
            return _("You have used all %(limit)s submissions that are allowed in total.") % {
                "limit": self.total_limit
            }
        if self.left_today == 0:
            return _(
                "You have used all %(limit)s submissions of today. The next day starts at 00:00 UTC."
            ) % {"limit": self.daily_limit}
        if self.rehearsals_today >= self.rehearsals_limit:
            return _(
                "%(limit)s of your programs have failed in their rehearsals today, and no more are tried for free. Run "
                "your program on the public files at home. The next day starts at 00:00 UTC."
            ) % {"limit": self.rehearsals_limit}
        return ""


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


def of(team: Team | None, phase: Phase, now: datetime.datetime) -> Quota:
    """The quota of a team (None: of somebody who has not joined yet). A rejudge is no submission and costs nothing."""
    used_today = used_total = rehearsals = 0
    midnight = rules.day_start(now)
    if team is not None:
        counted = costing(Submission.objects.filter(team=team, phase=phase))
        used_today = counted.filter(created_at__gte=midnight).count()
        used_total = counted.count()
        # One that our fault or a call before its start has ended is free anyway.
        tried = Exists(_ended_rehearsing().exclude(started_at=None).exclude(verdict__in=rules.FREE_VERDICTS))
        own = Submission.objects.filter(team=team, phase=phase, trial=False, created_at__gte=midnight)
        rehearsals = own.filter(tried).count()
    return Quota(
        used_today,
        phase.daily_limit,
        used_total,
        phase.total_limit,
        midnight + datetime.timedelta(days=1),
        rehearsals,
        settings.PODIUM_FREE_REHEARSALS_PER_DAY,
    )


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
    return dataclasses.replace(of(team, phase, now), **_of_hidden(team, phase, now))


def _of_hidden(team: Team | None, phase: Phase, now: datetime.datetime) -> dict[str, Any]:
    """What the phase's tasks with hidden rows add; of several tasks the one that explains the least is told."""
    versions = [
        version
        for version in TaskVersion.objects.filter(task__phase=phase, active=True)
        if version.hides_features
    ]
    if not versions:
        return {}
    left = {version: withholding.replies_left(team, version, now) for version in versions}
    least = min(versions, key=left.__getitem__)
    return {
        "rehearses": any({"script", "notebook"} & set(version.kinds) for version in versions),
        "explained_left": left[least],
        "explained_limit": least.hidden_replies,
    }
