"""The only place where the site reads its environment. Every setting is PODIUM_… and listed in docs/operate.md."""

from __future__ import annotations

import os
import re
import secrets
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from redis import Redis

from operations import secret_settings

T = TypeVar("T")


class BadSetting(Exception):
    """An environment variable holds something unusable; the message names it and says what is expected."""


def text(name: str, default: str) -> str:
    return os.environ.get(name, default)  # noqa: TID251


def optional(name: str) -> str | None:
    return os.environ.get(name) or None  # noqa: TID251


def flag(name: str) -> bool:
    """A switch that is off unless set to 1, true, yes or on."""
    raw = text(name, "").strip().lower()
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"", "0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{name}={raw!r}: expected 1 or 0")


def number(name: str, default: int, *, least: int = 1) -> int:
    raw = text(name, str(default))
    try:
        found = int(raw)
    except ValueError as error:
        raise BadSetting(f"{name}={raw!r}: expected a whole number") from error
    if found < least:
        raise BadSetting(f"{name}={raw!r}: expected at least {least}")
    return found


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    raw = text(name, default).strip().lower()
    if raw not in allowed:
        raise BadSetting(f"{name}={raw!r}: expected {' or '.join(allowed)}")
    return raw


def checked(name: str, parse: Callable[[str], T]) -> T:
    """What `parse` makes of the variable; its ValueError becomes a BadSetting that names the variable."""
    try:
        return parse(text(name, ""))
    except ValueError as error:
        raise BadSetting(f"{name}: {error}") from error


def names(name: str, default: str) -> list[str]:
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def private(name: str) -> str | None:
    """A setting that may hold a password: from NAME, else from the file named by NAME_FILE, else None."""
    try:
        return secret_settings.given(name)
    except secret_settings.Unreadable as error:
        raise BadSetting(str(error)) from error


def secret(name: str, kept_in: Path) -> str:
    """A secret from NAME or NAME_FILE, else generated once and kept in `kept_in` (0600).

    There is no default secret: two sites never share one by accident.
    """
    told = private(name)
    if told is not None:
        return told
    kept_in.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(kept_in, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return kept_in.read_text(encoding="utf-8").strip()
    fresh = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(fresh)
    return fresh


def time_zone(name: str, default: str) -> str:
    raw = text(name, default)
    try:
        zoneinfo.ZoneInfo(raw)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise BadSetting(f"{name}={raw!r}: expected a time zone such as Asia/Shanghai or UTC") from error
    return raw


def origins(name: str) -> list[str]:
    found = names(name, "")
    for origin in found:
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            raise BadSetting(f"{name}: {origin!r} is no origin, which is like https://other.example.org")
    return found


def broker(name: str, default: str) -> str:
    """redis://, rediss:// or unix:/// as redis-py reads it. Its value may hold a password, so no message shows it."""
    raw = private(name) or default
    if not raw.startswith(("redis://", "rediss://", "unix://")):
        raise BadSetting(f"{name} must start with redis://, rediss:// or unix:///")
    try:
        Redis.from_url(raw).close()
    except ValueError as error:
        raise BadSetting(
            f"{name} must be like redis://:password@host:6379/0 or unix:///path.sock?db=0"
        ) from error
    return raw
