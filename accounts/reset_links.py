"""A link by which a person chooses a new password: mailed by allauth, or handed over by whoever runs the site.

The token is Django's: it is worth nothing once it was used, once the password has changed otherwise or the person has
logged in, and after PASSWORD_RESET_TIMEOUT (three days).
"""

from __future__ import annotations

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User


class NoSuchLink(Exception):
    """Why an account cannot be given a link, in one sentence."""


def path_for(user: User) -> str:
    """The path of a fresh link. Raises NoSuchLink."""
    if not user.is_active:
        raise NoSuchLink(_("The account %(name)s is not active.") % {"name": user.username})
    key = default_token_generator.make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
