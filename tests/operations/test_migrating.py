"""Migrations beside a site that is being used: no long waits that stop it, and no index that locks a large table."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from django.apps import apps
from django.db import connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from accounts.indexes import AddIndexWhileUsed
from accounts.models import User
from operations import migrating

# What the first release brings along is made on empty tables. A later index on one of these is made while it is used.
OF_THE_FIRST_RELEASE = {
    "accounts": 2,
    "compute": 4,
    "contests": 7,
    "judge": 5,
    "leaderboard": 3,
    "operations": 1,
}
LARGE = {
    "submission",
    "run",
    "job",
    "jobupload",
    "runfile",
    "logchunk",
    "usagesample",
    "score",
    "scoreevent",
    "blob",
}


def faults(operations: Sequence[Operation]) -> list[str]:
    """What would lock a large table for as long as an index of it takes."""
    found = []
    for operation in operations:
        model = getattr(operation, "model_name", "").lower()
        field = getattr(operation, "field", None)
        indexed = field is not None and (
            field.db_index or field.unique or getattr(field, "db_constraint", False)
        )
        plain = isinstance(operation, migrations.AddIndex) and not isinstance(operation, AddIndexWhileUsed)
        unique = isinstance(operation, migrations.AddConstraint) and isinstance(
            operation.constraint, models.UniqueConstraint
        )
        if model in LARGE and (plain or unique or indexed):
            found.append(f"{model}: {operation.describe()}")
    return found


def test_a_later_index_of_a_large_table_is_made_while_it_is_used() -> None:
    later = {
        key: migration
        for key, migration in MigrationLoader(None).disk_migrations.items()
        if key[0] in OF_THE_FIRST_RELEASE and int(key[1][:4]) > OF_THE_FIRST_RELEASE[key[0]]
    }
    assert {
        key: faults(migration.operations) for key, migration in later.items() if faults(migration.operations)
    } == {}


def test_the_rule_knows_what_locks_a_table() -> None:
    index = models.Index(fields=["status"], name="by_status")
    assert faults([migrations.AddIndex("Job", index)])
    assert faults([migrations.AddField("Job", "owner", models.ForeignKey(User, models.CASCADE))])
    assert not faults([AddIndexWhileUsed("Job", index)])
    assert not faults([migrations.AddField("Job", "note", models.TextField(null=True))])


@pytest.mark.django_db(transaction=True)
def test_an_index_made_while_used_is_there_afterwards_and_can_be_taken_away() -> None:
    operation = AddIndexWhileUsed("User", models.Index(fields=["last_login"], name="users_by_login"))
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards("accounts", after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("accounts", editor, before, after)
    assert "users_by_login" in indexes()
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("accounts", editor, after, before)
    assert "users_by_login" not in indexes()


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, User._meta.db_table))


class Report:
    """Somebody's long query: reads a table in a transaction that stays open until told to end."""

    def __init__(self) -> None:
        self._reads, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self._reads.wait(10)

    def _read(self) -> None:
        try:
            with transaction.atomic():
                User.objects.count()
                self._reads.set()
                self._end.wait(60)
        finally:
            connection.close()

    def end(self) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Iterator[Report]:
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT_S", 0.3)
    monkeypatch.setattr(migrating, "BETWEEN_S", 0.1)
    monkeypatch.setattr(migrating, "TRIES", 4)
    begun = Report()
    yield begun
    begun.end()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user DROP COLUMN IF EXISTS added")


def count_users() -> None:
    User.objects.count()
    connection.close()


def add_column() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user ADD COLUMN added integer")


def columns() -> set[str]:
    with connection.cursor() as cursor:
        return {
            column.name for column in connection.introspection.get_table_description(cursor, "accounts_user")
        }


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_migration_gets_through_when_the_table_is_let_go(report: Report) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        report.end()

    migrating.patiently(add_column, connection, say)
    assert "added" in columns()
    assert len(said) == 1
    assert "since" in said[0]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_migration_that_cannot_get_its_table_stops_nobody_and_says_who_has_it(report: Report) -> None:
    waits: list[float] = []

    def read(_line: str) -> None:  # as a page does, between two tries and while one waits
        began = time.monotonic()
        other = threading.Thread(target=count_users)
        other.start()
        other.join(10)
        waits.append(time.monotonic() - began)

    with pytest.raises(migrating.Blocked, match=r"process \d+ since \d+ s: 'SELECT"):
        migrating.patiently(add_column, connection, read)
    assert len(waits) == 3
    assert max(waits) < 5
    assert "added" not in columns()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_nothing_of_the_patience_is_left_on_the_connection() -> None:
    def setting(name: str) -> object:
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW {name}")
            return cursor.fetchone()

    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    before = [setting(name) for name in names]
    during: list[object] = []
    migrating.patiently(
        lambda: during.extend(setting(name) for name in names), connection, lambda _line: None
    )
    assert during == [("4s",), ("0",), ("0",)]
    assert [setting(name) for name in names] == before == [("20s",), ("1min",), ("1min",)]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_starts_at_once_one_migrates_after_the_other() -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(10)
        migrating.patiently(lambda: order.append("second"), connection, order.append)
        connection.close()

    other = threading.Thread(target=second)
    other.start()

    def first() -> None:
        inside.set()
        deadline = time.monotonic() + 10
        while not order and time.monotonic() < deadline:
            time.sleep(0.01)
        order.append("first")

    migrating.patiently(first, connection, lambda _line: None)
    other.join(10)
    assert order == ["another start is migrating the database; waiting for it", "first", "second"]
