"""What every template may ask about the site's policy."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def policy(request: HttpRequest) -> dict[str, bool]:
    return {"signup_open": settings.SIGNUP_OPEN, "mail_works": settings.MAIL_WORKS}
