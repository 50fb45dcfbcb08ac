"""The first administrator: made by whoever holds the one-time link that the first start prints.

The link's token lies in a file that only the operator can read. It works while there is no administrator, and once:
taking the file away is what decides who of two was first.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from django.db import transaction
from django.urls import reverse

from accounts import tokens
from accounts.models import User


class TooLate(Exception):
    """Somebody else was first, or the link was never good."""


def is_there() -> bool:
    return User.objects.filter(is_superuser=True, is_active=True).exists()


def offer(kept_in: Path) -> str:
    """The path of the page that makes the first administrator; "" when there is one. The same until it was used."""
    if is_there():
        kept_in.unlink(missing_ok=True)
        return ""
    token = _kept(kept_in) or _keep(kept_in, tokens.fresh("setup"))
    return f"{reverse('accounts:setup')}?token={token}"


def is_good(token: str, kept_in: Path) -> bool:
    kept = _kept(kept_in)
    return bool(kept) and hmac.compare_digest(kept.encode(), token.encode()) and not is_there()


def create(*, token: str, kept_in: Path, username: str, password: str, email: str = "") -> User:
    """Make the administrator and spend the token. Raises TooLate."""
    with transaction.atomic():
        if not is_good(token, kept_in):
            raise TooLate
        user = User.objects.create_superuser(username=username, email=email or None, password=password)
        try:
            kept_in.unlink()
        except FileNotFoundError:
            raise TooLate from None
    return user


def _kept(kept_in: Path) -> str:
    try:
        return kept_in.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _keep(kept_in: Path, token: str) -> str:
    kept_in.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(kept_in, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(token + "\n")
    return token
