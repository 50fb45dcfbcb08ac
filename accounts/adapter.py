"""What this site decides about signing up and about the links in its mails; allauth asks here."""

from __future__ import annotations

from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailConfirmation
from django.conf import settings
from django.http import HttpRequest

from rest import throttles


class PodiumAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whom a limit by address counts. allauth takes an IPv6 /64 for one."""
        return throttles.unmapped(super().get_client_ip(request))

    def get_reset_password_from_key_url(self, key: str) -> str:
        return _at_the_site(super().get_reset_password_from_key_url(key))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: EmailConfirmation) -> str:
        return _at_the_site(super().get_email_confirmation_url(request, emailconfirmation))


def _at_the_site(link: str) -> str:
    """A link that is mailed leads to the site, whatever port or name of this machine the request was sent to."""
    if not settings.PUBLIC_URL:
        return link
    return settings.PUBLIC_URL + urlsplit(link)._replace(scheme="", netloc="").geturl()
