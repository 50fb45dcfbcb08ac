"""What a person may change about themselves."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User


def change(user: User, *, display_name: str, email: str | None = None) -> None:
    """Take over the new values. `email` None leaves the address alone; a new address is not confirmed."""
    with transaction.atomic():
        user.display_name = display_name
        user.save(update_fields=["display_name"])
        if email is not None and email != user.email:
            user.email = email
            user.save(update_fields=["email"])
            EmailAddress.objects.filter(user=user).delete()
            if email:
                EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
