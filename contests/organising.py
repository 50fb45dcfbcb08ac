"""Who organises what, asked of a request: contests.access with a memory, as the administration asks very often."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import rights
from accounts.models import User
from contests import access
from contests.models import Contest


def person(request: HttpRequest) -> User | AnonymousUser:
    return request.user


def contests_of(request: HttpRequest) -> QuerySet[Contest]:
    return Contest.objects.organised_by(request.user)


def organised_ids(request: HttpRequest) -> frozenset[int]:
    """Asked once a request: Django's admin asks for permissions dozens of times."""
    known: frozenset[int] | None = getattr(request, "podium_organised", None)
    if known is None:
        known = frozenset(contests_of(request).values_list("pk", flat=True))
        request.podium_organised = known  # type: ignore[attr-defined]
    return known


def organises(request: HttpRequest, contest_id: int) -> bool:
    return rights.runs_site(request.user) or contest_id in organised_ids(request)


def may_open_contests(request: HttpRequest) -> bool:
    return rights.may_open_contests(request.user)


def may_enter(request: HttpRequest) -> bool:
    return access.enters_administration(request.user)


def named(usernames: list[str]) -> tuple[list[User], list[str]]:
    """The active people of these names, and the names that are nobody's."""
    found = {user.username: user for user in User.objects.filter(username__in=usernames, is_active=True)}
    return list(found.values()), [name for name in usernames if name not in found]
