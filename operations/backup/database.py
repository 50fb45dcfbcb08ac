"""The database in one file, as it was at one moment, and back: by SQLite's backup interface, by PostgreSQL's tools."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from operations.backup.manifest import BackupFailed, CannotRestore

FILES = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
LAST_WORDS = 500
GOING_S = 3.0


class _Cursor(Protocol):
    def execute(self, sql: str) -> Any: ...
    def fetchall(self) -> Any: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """What the file holds, asked of the very state that it was made of."""

    blobs: list[tuple[str, int]]
    migrations: list[str]
    counts: dict[str, int]


def engine() -> str:
    return str(connection.vendor)


def dump(to: Path) -> Snapshot:
    """Write the database to a file while others write to it. Raises BackupFailed."""
    to.unlink(missing_ok=True)
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return _dump_sqlite(to) if engine() == "sqlite" else _dump_postgresql(to)


def _dump_sqlite(to: Path) -> Snapshot:
    connection.ensure_connection()
    with contextlib.closing(sqlite3.connect(to)) as copy:
        # All pages in one step: a reader's view of the write-ahead log, for which no writer waits.
        connection.connection.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE")
        _check(copy, BackupFailed)
        return _ask(copy.cursor())


def _dump_postgresql(to: Path) -> Snapshot:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # pg_dump may take long
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
        _run(
            "pg_dump",
            ["--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}", f"--file={to}"],
            BackupFailed,
        )
        return _ask(cursor)


def _ask(cursor: _Cursor) -> Snapshot:
    cursor.execute("SELECT sha256, size FROM contests_blob ORDER BY sha256")
    found = [(str(sha256), int(size)) for sha256, size in cursor.fetchall()]
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
    migrations = [f"{app}.{name}" for app, name in cursor.fetchall()]
    return Snapshot(found, migrations, counts(cursor))


def counts(cursor: _Cursor) -> dict[str, int]:
    """Rows by table."""
    found = {}
    for table in sorted(_our_tables()):
        cursor.execute(f'SELECT COUNT(*) FROM "{table}"')  # noqa: S608 - a name of our own models
        found[table] = int(cursor.fetchall()[0][0])
    return found


def is_empty() -> bool:
    """Whether nobody has used this site yet: no tables, or none of people and contests in them."""
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for table in {"accounts_user", "contests_contest"} & tables:
            cursor.execute(f'SELECT 1 FROM "{table}" LIMIT 1')  # noqa: S608 - two names of our own
            if cursor.fetchone() is not None:
                return False
    return True


def other_clients() -> list[str]:
    """From where other processes of the site are connected. SQLite's is a file of this machine, with a lock."""
    if engine() != "postgresql":
        return []
    until = time.monotonic() + GOING_S
    while found := _clients():
        if time.monotonic() > until:
            break
        time.sleep(0.2)  # the server notices a moment later that a process has ended
    return found


def _clients() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT coalesce(host(client_addr), 'this machine') FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE 'podium%' "
            "AND application_name <> current_setting('application_name')"
        )
        return sorted(str(row[0]) for row in cursor.fetchall())


def load(file: Path, tables: Iterable[str]) -> None:
    """Put a dumped database, which has these tables, in the place of this one, whole or not at all (CannotRestore)."""
    if engine() == "sqlite":
        _load_sqlite(file)
    else:
        _load_postgresql(file, {*tables, *_our_tables(), "django_migrations"})


def _our_tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True)}  # noqa: SLF001


def _load_postgresql(file: Path, tables: set[str]) -> None:
    """In one transaction, which first drops what is there: tables of later versions, too, that the backup knows not."""
    connection.close()
    script, before = file.with_suffix(".sql"), file.with_suffix(".before.sql")
    try:
        for path in (script, before):
            path.touch(mode=0o600)
        named = ", ".join(f'"{table}"' for table in sorted(tables))
        before.write_text(f"DROP TABLE IF EXISTS {named} CASCADE;\n", encoding="utf-8")
        _run("pg_restore", ["--no-owner", "--no-acl", f"--file={script}", str(file)], CannotRestore)
        words = [
            "--no-psqlrc",
            "--quiet",
            "--single-transaction",
            "--set=ON_ERROR_STOP=1",
            "--output=/dev/null",
        ]
        _run("psql", [*words, f"--file={before}", f"--file={script}"], CannotRestore)
    finally:
        for path in (script, before):
            path.unlink(missing_ok=True)


def _load_sqlite(file: Path) -> None:
    place = Path(settings.DATABASES["default"]["NAME"])
    with contextlib.closing(sqlite3.connect(file)) as copy:
        _check(copy, CannotRestore)
    connection.close()
    if place.exists():
        with contextlib.closing(sqlite3.connect(place)) as old:
            # Without its write-ahead log, which would be taken for that of the new file.
            old.execute("PRAGMA journal_mode=DELETE")
    with file.open("rb") as fresh:
        os.fsync(fresh.fileno())
    file.replace(place)


def _check(copy: sqlite3.Connection, failure: type[Exception]) -> None:
    answer = copy.execute("PRAGMA quick_check").fetchall()
    if answer != [("ok",)]:
        raise failure(f"The copy of the database is damaged: {answer[0][0]}")


def _run(program: str, arguments: Sequence[str], failure: type[Exception]) -> None:
    if shutil.which(program) is None:
        raise failure(
            f"{program} is not installed here: it comes with PostgreSQL's client (postgresql-client)."
        )
    done = subprocess.run(
        [program, *arguments], env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise failure(f"{program} failed: {done.stderr.strip()[-LAST_WORDS:]}")


def _environment() -> Mapping[str, str]:
    """The address by variables: on a command line everybody on this machine could read the password."""
    chosen = settings.DATABASES["default"]
    named = {
        "PGHOST": chosen.get("HOST"),
        "PGPORT": chosen.get("PORT"),
        "PGUSER": chosen.get("USER"),
        "PGPASSWORD": chosen.get("PASSWORD"),
        "PGDATABASE": chosen.get("NAME"),
        "PGSSLMODE": chosen.get("OPTIONS", {}).get("sslmode"),
        "PGSSLROOTCERT": chosen.get("OPTIONS", {}).get("sslrootcert"),
    }
    return dict(os.environ) | {name: str(value) for name, value in named.items() if value}  # noqa: TID251 - a child's
