"""How many submissions a team has used and may still make, in a day and in a whole phase.

What costs is decided by contests.rules alone; the query here reads the same sets. It is exact where it is asked
under the lock of the team's row, as judge.intake does before it writes a submission.
"""

from __future__ import annotations

import dataclasses
import datetime

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from contests import joining, rules
from contests.models import Contest, Phase, Submission, SubmissionQuerySet, Team
from judge.models import Run


@dataclasses.dataclass(frozen=True, slots=True)
class Quota:
    """`total_limit` is None where there is only a daily one. The next day starts at `resets_at`."""

    used_today: int
    daily_limit: int
    used_total: int
    total_limit: int | None
    resets_at: datetime.datetime

    @property
    def left_today(self) -> int:
        return max(0, self.daily_limit - self.used_today)

    @property
    def left_total(self) -> int | None:
        return None if self.total_limit is None else max(0, self.total_limit - self.used_total)

    @property
    def left(self) -> int:
        """How many can be handed in now: the smaller of what the day and the phase leave."""
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
        return ""


def costing(submissions: SubmissionQuerySet) -> SubmissionQuerySet:
    """Those for which contests.rules.costs_quota says yes. An organiser's trials never cost.

    What became of the first run decides: judging again costs nothing and gives nothing back.
    """
    first = Run.objects.filter(submission=OuterRef("pk"), generation=1)
    free = Q(verdict__in=rules.FREE_VERDICTS) | Q(verdict__in=rules.FREE_UNLESS_STARTED, started_at=None)
    return submissions.filter(trial=False).exclude(Exists(first.filter(free)))


def of(team: Team | None, phase: Phase, now: datetime.datetime) -> Quota:
    """The quota of a team (None: of somebody who has not joined yet). A rejudge is no submission and costs nothing."""
    used_today = used_total = 0
    midnight = rules.day_start(now)
    if team is not None:
        counted = costing(Submission.objects.filter(team=team, phase=phase))
        used_today = counted.filter(created_at__gte=midnight).count()
        used_total = counted.count()
    return Quota(
        used_today, phase.daily_limit, used_total, phase.total_limit, midnight + datetime.timedelta(days=1)
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
    return of(place.team if place is not None else None, phase, now)
