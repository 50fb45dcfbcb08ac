"""E-mail addresses a person has proven to own."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.models import User

# These show mail to the operator at best; nobody receives it.
_NOBODY_RECEIVES = ("console.EmailBackend", "dummy.EmailBackend", "filebased.EmailBackend")


def confirmed_domains(user: User) -> set[str]:
    """The domains of the user's confirmed addresses, in lower case. An address merely typed in counts for nothing."""
    confirmed = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return {address.rpartition("@")[2].lower() for address in confirmed}


def unconfirmed(user: User) -> list[str]:
    found = EmailAddress.objects.filter(user=user, verified=False).values_list("email", flat=True)
    return sorted(found)


def can_send_mail() -> bool:
    """Whether this site can send a confirmation mail that arrives."""
    return not settings.EMAIL_BACKEND.endswith(_NOBODY_RECEIVES)
