"""The demo's people: an administrator, an organiser and a few contestants. Nobody has a well-known password."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from accounts import tokens
from accounts.models import User
from operations.layout import keep_secret

ADMIN, ORGANISER = "admin", "organiser"
CONTESTANTS = {
    "ada": "Ada",
    "emmy": "Emmy",
    "kurt": "Kurt",
    "lin": "林小雨",
    "sofia": "Sofia",
}
TOKENS_FILE = "demo_tokens.json"


def password_file(folder: Path, username: str) -> Path:
    return folder / f"{username}_password"


def admit_admin(folder: Path) -> User:
    """The administrator; the password is drawn once and kept in `folder`."""
    return _with_password(folder, ADMIN, is_staff=True, is_superuser=True)


def admit_organiser(folder: Path) -> User:
    return _with_password(folder, ORGANISER)


def _with_password(
    folder: Path, username: str, *, is_staff: bool = False, is_superuser: bool = False
) -> User:
    found = User.objects.filter(username=username).first()
    if found is not None:
        return found
    password = secrets.token_urlsafe(12)
    keep_secret(password_file(folder, username), password + "\n")
    return User.objects.create_user(
        username=username, password=password, is_staff=is_staff, is_superuser=is_superuser
    )


def admit_contestants(folder: Path) -> dict[str, str]:
    """The contestants' API tokens by name, kept in `folder`; their accounts cannot be logged into."""
    kept = folder / TOKENS_FILE
    if kept.is_file():
        found: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
        if all(tokens.user_of(found.get(name, "")) for name in CONTESTANTS):
            return found
    issued = {}
    for username, shown in CONTESTANTS.items():
        user = User.objects.filter(username=username).first()
        if user is None:
            user = User(username=username, display_name=shown)
            user.set_unusable_password()
            user.save()
        issued[username] = tokens.create_api_token(user=user, name="demo")
    keep_secret(kept, json.dumps(issued))
    return issued
