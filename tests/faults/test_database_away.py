"""PostgreSQL ends every connection, as a restart does: each process takes another, and nothing is lost."""

from __future__ import annotations

import psycopg
import pytest

from tests.faults.test_killed import assert_counted_once
from tests.stack import Stack, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.postgres, pytest.mark.timeout(300)]
END_ALL = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def end_all_connections(stack: Stack) -> int:
    with psycopg.connect(stack.environment["PODIUM_DATABASE_URL"], autocommit=True) as connection:
        row = connection.execute(END_ALL).fetchone()
    assert row is not None
    return int(row[0])


def test_every_process_goes_on_with_another_connection(stack: Stack) -> None:
    assert_counted_once(stack, stack.submit())
    listed = stack.processes()
    assert end_all_connections(stack) > 0
    submission = stack.submit()  # the web process, without one failed request
    end_all_connections(stack)
    assert_counted_once(stack, submission)
    assert stack.processes() == listed  # none had to be started again
    eventually(lambda: "the database is away" in stack.log_of("publisher"), what="the publisher noticed")
