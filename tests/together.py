"""Doing things at the same moment: each in a thread of its own, on a database connection of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from django.db import connection, transaction

PATIENCE_S = 60


def at_once(works: Sequence[Callable[[], object]], *, refusal: type[Exception]) -> list[object]:
    """What each work returned, or the refusal it raised, in the order in which they ended."""
    start, results = threading.Barrier(len(works)), []

    def body(work: Callable[[], object]) -> None:
        try:
            start.wait(PATIENCE_S)
            results.append(work())
        except refusal as refused:
            results.append(refused)
        finally:
            connection.close()

    threads = [threading.Thread(target=body, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)
    return results


def overlapping(
    first: Callable[[], object], second: Callable[[], object], *, then: Callable[[], object] = lambda: None
) -> object:
    """Do `second` while the transaction in which `first` was done is still open; what it returned or raised.

    `then` is done in the first transaction when the second waits for it. The order is certain, unlike that of many at
    once: the first transaction ends when the second waits for it, or
    has ended without waiting, which is what a missing lock looks like.
    """
    results: list[object] = []

    def body() -> None:
        try:
            results.append(second())
        except Exception as error:  # noqa: BLE001 - the test asks what it was
            results.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=body)
    with transaction.atomic():
        first()
        other.start()
        _until_it_waits(other)
        then()
    other.join(PATIENCE_S)
    assert results, "the second never ended"
    return results[0]


def _until_it_waits(other: threading.Thread) -> None:
    if connection.vendor == "sqlite":
        return  # one writer: the other's transaction cannot even begin
    deadline = time.monotonic() + PATIENCE_S
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with connection.cursor() as cursor:
        while other.is_alive() and time.monotonic() < deadline:
            cursor.execute(
                "SELECT pg_stat_clear_snapshot()"
            )  # else a transaction sees the first answer for ever
            cursor.execute(waits)
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.01)
