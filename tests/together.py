"""Doing things at the same moment: each in a thread of its own, on a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from django.db import connection

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
