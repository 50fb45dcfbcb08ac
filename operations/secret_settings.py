"""Settings that hold a password: in the environment, or in a file that the environment names.

Read by config.env, and by the supervisor, which tells its processes what it was told and the agent less.
"""

from __future__ import annotations

import os
from pathlib import Path

# What only the site may know: a host that runs strangers' code is told none of it, nor where it lies.
OF_THE_SITE = (
    "PODIUM_SECRET_KEY",
    "PODIUM_DATABASE_URL",
    "PODIUM_REDIS_URL",
    "PODIUM_EMAIL_URL",
    "PODIUM_METRICS_TOKEN",
    "PODIUM_S3_ACCESS_KEY",
    "PODIUM_S3_SECRET_KEY",
)


class Unreadable(Exception):
    """NAME_FILE names a file that cannot be read, or one that holds nothing; the message says which."""


def given(name: str) -> str | None:
    """What NAME holds, else what is in the file that NAME_FILE names, else None. Raises Unreadable."""
    told = os.environ.get(name)  # noqa: TID251 - for config.env
    if told:
        return told
    named = os.environ.get(f"{name}_FILE")  # noqa: TID251 - as above
    if not named:
        return None
    try:
        text = Path(named).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Unreadable(f"{name}_FILE={named!r} cannot be read: {why}") from error
    if not text:
        raise Unreadable(f"{name}_FILE={named!r} cannot be read: it is empty")
    return text
