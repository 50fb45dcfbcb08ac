"""`PODIUM_DATABASE_URL` as a Django database: SQLite in var/ where nothing is named, else PostgreSQL.

PostgreSQL connections come from a pool of this process: uvicorn gives each request a thread of its own, and a
connection kept by a thread would be lost with it. A connection is looked at before it is used again, so that a
database that was restarted costs nobody an error.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from config import env

NAME = "PODIUM_DATABASE_URL"
EXPECTED = f"{NAME} must be like postgresql://user:password@host:5432/name (or be unset for SQLite)"
# As patient as SQLite's, and no longer than that: whoever holds a row so long is stuck.
LOCK_TIMEOUT_S = 20
POOL_PATIENCE_S = 20
# A transaction of ours computes and writes. One that is idle this long has lost its process, and holds its locks.
IDLE_IN_TRANSACTION_S = 60


def database(var: Path) -> dict[str, Any]:
    """Django's settings of the site's database. Raises env.BadSetting, which never shows a password."""
    url = env.private(NAME)
    return _sqlite(var) if url is None else _postgresql(url)


def _sqlite(var: Path) -> dict[str, Any]:
    """SQLite takes its write lock at BEGIN (IMMEDIATE): a transaction that reads and then writes can never find
    the lock gone to another. `synchronous=FULL` because an accepted submission must survive a power cut.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": _private(var / "podium.sqlite3"),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;",
        },
        "TEST": {"NAME": var / "test.sqlite3"},
    }


def _private(file: Path) -> Path:
    """A file that its owner alone can read: it holds sessions. SQLite's files beside it take its mode."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        status = file.stat()
        if status.st_uid == os.geteuid() and status.st_mode & 0o077:
            file.chmod(0o600)
    return file


def _postgresql(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise env.BadSetting(EXPECTED) from error
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in {"postgres", "postgresql"} or not name:
        raise env.BadSetting(EXPECTED)
    told = dict(parse_qsl(parts.query))
    host = told.pop("host", "") or unquote(parts.hostname or "")  # a socket's folder, as libpq writes it
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # One of each process: operations.backup tells them apart.
            "application_name": f"podium {uuid.uuid4().hex[:12]}",
            "connect_timeout": "10",
            **told,
            "options": _session(told.get("options", "")),
            "pool": {
                "min_size": 0,
                "max_size": env.number("PODIUM_DATABASE_CONNECTIONS", 20),
                "timeout": POOL_PATIENCE_S,
            },
        },
    }


def _session(told: str) -> str:
    """What each connection begins with. What the address says stands behind it and so wins."""
    limits = {
        "lock_timeout": LOCK_TIMEOUT_S,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_S,
        "statement_timeout": env.number("PODIUM_DATABASE_STATEMENT_S", 60, least=0),
    }
    return " ".join([*(f"-c {name}={seconds}s" for name, seconds in limits.items()), told]).strip()
