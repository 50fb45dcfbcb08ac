"""Who may reach what of a contest. Every endpoint below a contest begins with one of these.

What a person may not even see is not found (404); what they see but may not do is refused (403); nobody at all is
asked to log in (401).
"""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request

from accounts.models import User
from contests import joining
from contests.models import Contest, Phase, Task
from rest.errors import Refused


def visible(request: Request, slug: str) -> Contest:
    contest = Contest.objects.visible_to(request.user).filter(slug=slug).first()
    if contest is None:
        raise NotFound(_("There is no such contest."))
    return contest


def organised(request: Request, slug: str) -> Contest:
    contest = visible(request, slug)
    if not contest.is_organised_by(request.user):
        raise PermissionDenied(_("Only the organisers of this contest may do this."))
    return contest


def phase_of(contest: Contest, phase_id: int) -> Phase:
    phase = contest.phases.filter(pk=phase_id).first()
    if phase is None:
        raise NotFound(_("There is no such phase in this contest."))
    return phase


def task_of(contest: Contest, task_id: int) -> Task:
    task = Task.objects.filter(phase__contest=contest, pk=task_id).select_related("phase__contest").first()
    if task is None:
        raise NotFound(_("There is no such task in this contest."))
    return task


def with_data(request: Request, contest: Contest) -> Contest:
    """The contest, for those who may read its data: who joined, and accepted its rules where there are some."""
    if joining.may_see_data(request.user, contest):
        return contest
    standing = joining.standing(request.user, contest)
    reason = standing.reason or _("Join this contest first.")
    raise Refused(standing.code or "join", reason, 403 if isinstance(request.user, User) else 401)
