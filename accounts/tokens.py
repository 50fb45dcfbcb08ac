"""Making and recognising secret tokens. A token has 256 random bits, so a plain SHA-256 is enough of a digest."""

from __future__ import annotations

import datetime
import hashlib
import secrets

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiToken, User

USUAL_DAYS = 365  # where nobody says how long a token shall be good
MOST_DAYS = 3660
MOST_TOKENS = 50  # of one person: a script that makes one at each start is told so


class TooMany(Exception):
    """The person has all the tokens one may have; the text is for them."""


def fresh(prefix: str) -> str:
    """A new random token, for example `pod_…`; the prefix lets secret scanners find leaked ones."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def create_api_token(
    *, user: User, name: str = "", days: int | None = None, by: ApiToken | None = None
) -> str:
    """Give the user a new API token and return it; it cannot be read again later. Raises TooMany.

    It is good for `days`; None: until it is revoked. One that is made `by` another is good no longer than that: else
    whoever found a token could make the next one with it, and no end would end anything.
    """
    now = timezone.now()
    if of(user).exclude(expires_at__lte=now).count() >= MOST_TOKENS:
        raise TooMany(
            _("You have %(count)d tokens, and more are not given: revoke one.") % {"count": MOST_TOKENS}
        )
    token = fresh("pod")
    ends = [now + datetime.timedelta(days=days)] if days is not None else []
    if by is not None and by.expires_at is not None:
        ends.append(by.expires_at)
    ApiToken.objects.create(user=user, name=name, digest=digest(token), expires_at=min(ends, default=None))
    return token


def of(user: User) -> QuerySet[ApiToken]:
    """The user's tokens, the newest first."""
    return ApiToken.objects.filter(user=user).order_by("-created_at", "-id")


def revoke(*, user: User, token_id: int) -> bool:
    """Take one of the user's tokens back; whether there was one."""
    gone, _what = ApiToken.objects.filter(user=user, pk=token_id).delete()
    return gone > 0


def revoke_all(user: User) -> int:
    """Take all of the user's tokens back; how many."""
    gone, _what = ApiToken.objects.filter(user=user).delete()
    return gone


def user_of(token: str) -> User | None:
    """The active user this token speaks for, or None."""
    found = recognised(token)
    return None if found is None else found.user


def recognised(token: str) -> ApiToken | None:
    """The row of a token that is good and whose user is active, or None."""
    found = ApiToken.objects.select_related("user").filter(digest=digest(token), user__is_active=True).first()
    if found is None or found.expired:
        return None
    now = timezone.now()
    # One write a minute at most: a client that polls must not turn every read into a write.
    if found.last_used_at is None or (now - found.last_used_at).total_seconds() > 60:  # noqa: PLR2004
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return found
