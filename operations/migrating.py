"""Migrations beside a site that is being used: they wait for a lock a moment only, and try again.

Theory of operation (PostgreSQL; SQLite has one writer anyway). ALTER TABLE needs its table for itself. While it waits
for a long query to let go, everybody who comes later waits behind it, so one report can stop a whole site. So a
migration gives up a lock after LOCK_TIMEOUT_S, which rolls that one migration back, lets the others through, and
is tried again. Two starts at once take turns by an advisory lock: the second finds nothing left to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK_TIMEOUT_S = 4
BETWEEN_S = 2.0
TRIES = 10
TURN_TIMEOUT_S = 600
ADVISORY_KEY = 0x706F6469  # "podi"
LOCK_NOT_AVAILABLE = "55P03"
Say = Callable[[str], object]


class Blocked(Exception):
    """The tables stayed in use; nothing is half done. The message says who uses them."""


def patiently(migrate: Callable[[], object], connection: BaseDatabaseWrapper, say: Say) -> None:
    """Run `migrate`, which may be repeated, until it gets its locks. Raises Blocked."""
    if connection.vendor != "postgresql":
        migrate()
        return
    with _turn(connection, say):
        for left in reversed(range(TRIES)):
            try:
                migrate()
            except OperationalError as error:
                if _sqlstate(error) != LOCK_NOT_AVAILABLE:
                    raise
                who = _oldest(connection)
                if not left:
                    raise Blocked(
                        f"the database's tables stayed in use: {who}. Run this again later."
                    ) from error
                say(f"a table is in use ({who}); trying again {left} times")
                time.sleep(BETWEEN_S)
            else:
                return


@contextmanager
def _turn(connection: BaseDatabaseWrapper, say: Say) -> Iterator[None]:
    """Let this session alone migrate, with short waits for locks and as much time for statements as they need."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_KEY])
        if cursor.fetchone() != (True,):
            say("another start is migrating the database; waiting for it")
            cursor.execute(f"SET lock_timeout = '{TURN_TIMEOUT_S}s'")
            cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_KEY])
        cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_KEY])
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                cursor.execute(f"RESET {name}")


def _sqlstate(error: OperationalError) -> str:
    return getattr(error.__cause__, "sqlstate", None) or ""


def _oldest(connection: BaseDatabaseWrapper) -> str:
    """Who has been in a transaction for longest, most likely the one to wait for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, extract(epoch FROM now() - xact_start)::int, left(query, 60) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            " ORDER BY xact_start LIMIT 1"
        )
        row = cursor.fetchone()
    return (
        "by a transaction that has ended" if row is None else f"process {row[0]} since {row[1]} s: {row[2]!r}"
    )
