"""No query of daily use reads a big table from end to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from contests.models import Submission
from judge.models import Job
from tests.scale import paths, plans
from tests.scale.paths import WAYS, Site

pytestmark = pytest.mark.django_db
MOST_QUERIES = 60
SUBMISSIONS, TEAMS, WAITING = 3000, 400, 60


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Filled once for all tests of this module, and taken back after them."""
    with django_db_blocker.unblock(), transaction.atomic():
        call_command(
            "populate", submissions=SUBMISSIONS, teams=TEAMS, waiting=WAITING, contest="large", verbosity=0
        )
        if connection.vendor == "postgresql":
            # Of so few rows the planner would read them all, which says nothing about many: can it use an index?
            connection.cursor().execute("SET LOCAL enable_seqscan = off")
        found = paths.look_around("large")
        with paths.lean():
            WAYS["metrics"](found)  # a process's first scrape reads all runs once
            yield found
        transaction.set_rollback(True)


@pytest.mark.parametrize("way", WAYS)
def test_no_query_of_daily_use_scans_a_big_table(site: Site, way: str) -> None:
    scans: dict[str, list[str]] = {}
    with plans.planned(scans) as queries:
        WAYS[way](site)
    assert {sql: found for sql, found in scans.items() if not is_chore(way, sql)} == {}
    assert len(queries) <= MOST_QUERIES


def is_chore(way: str, sql: str) -> bool:
    """Once an hour, for at most 20 seconds and with nobody waiting, all files are asked who still needs them."""
    return way == "tidy" and 'FROM "contests_blob" WHERE (NOT (EXISTS' in sql


def test_a_scan_would_be_seen(site: Site) -> None:
    scans: dict[str, list[str]] = {}
    with plans.planned(scans):
        list(Submission.objects.filter(note="x").order_by("filename")[:5])
        Submission.objects.filter(note="x").count()
        Job.objects.filter(host="x").update(host="y")
        list(Submission.objects.all()[:5])
    assert len(scans) == 3
