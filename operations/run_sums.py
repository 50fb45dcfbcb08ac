"""Sums over all that a site has judged, at the cost of what was added lately.

Theory of operation. A run that has ended stays as it is, so what is older than an hour is summed once for each process
and kept; a later question adds what has ended since, by an index, and once an hour what has grown older. Only a
process's first question passes over all runs. An hour is far more than a transaction takes that ends a run: none
appears behind our back. What is deleted later with its contest stays in the sums, as in any counter.
"""

from __future__ import annotations

import datetime
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q, Sum

from contests.models import Submission
from judge.models import Run

SETTLED = datetime.timedelta(hours=1)
Key = tuple[str, str]  # kind of submission, verdict
_BEGINNING = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)


class RunSums:
    """Runs by kind and verdict: how many, their seconds, and how many took at most each of `edges`; and submissions."""

    def __init__(self, edges: Sequence[float]) -> None:
        self._edges = edges
        self._lock = threading.Lock()
        self._until = _BEGINNING
        self._runs: dict[Key, Counter[str]] = {}
        self._submissions = 0

    def at(self, now: datetime.datetime) -> tuple[dict[Key, Counter[str]], int]:
        with self._lock:
            settled = now - SETTLED
            if settled >= self._until + SETTLED:
                _add(self._runs, self._ended(self._until, settled))
                self._submissions += _handed_in(self._until, settled)
                self._until = settled
            found = {key: counted.copy() for key, counted in self._runs.items()}
            _add(found, self._ended(self._until, None))
            return found, self._submissions + _handed_in(self._until, None)

    def _ended(self, since: datetime.datetime, until: datetime.datetime | None) -> dict[Key, Counter[str]]:
        runs = Run.objects.exclude(verdict="").filter(finished_at__gte=since)
        if until is not None:
            runs = runs.filter(finished_at__lt=until)
        below: dict[str, Any] = {f"b{edge}": Count("pk", filter=Q(wall_s__lte=edge)) for edge in self._edges}
        rows: Any = runs.values("submission__kind", "verdict").order_by()
        return {
            (row.pop("submission__kind"), row.pop("verdict")): Counter(row)
            for row in rows.annotate(runs=Count("pk"), seconds=Sum("wall_s"), **below)
        }


def _add(kept: dict[Key, Counter[str]], more: dict[Key, Counter[str]]) -> None:
    for key, counted in more.items():
        kept.setdefault(key, Counter()).update(counted)


def _handed_in(since: datetime.datetime, until: datetime.datetime | None) -> int:
    """Trials not counted."""
    found = Submission.objects.filter(trial=False, created_at__gte=since)
    return (found if until is None else found.filter(created_at__lt=until)).count()
