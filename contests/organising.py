"""Who organises what, asked of a request: the administration opens and shows by these answers."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
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
    user = person(request)
    return bool(user.is_active and (user.is_superuser or contest_id in organised_ids(request)))


def may_open_contests(request: HttpRequest) -> bool:
    user = person(request)
    return bool(user.is_active and (user.is_superuser or user.is_staff))


def may_enter(request: HttpRequest) -> bool:
    user = person(request)
    if not (user.is_active and user.is_authenticated):
        return False
    return user.is_superuser or user.is_staff or bool(organised_ids(request))


def named(usernames: list[str]) -> tuple[list[User], list[str]]:
    """The active people of these names, and the names that are nobody's."""
    found = {user.username: user for user in User.objects.filter(username__in=usernames, is_active=True)}
    return list(found.values()), [name for name in usernames if name not in found]
