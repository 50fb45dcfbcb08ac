"""What is done all day costs hardly more when the site around it has grown: SQLite's steps are counted, not time."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from accounts import long_lists
from tests.scale import paths, plans
from tests.scale.paths import WAYS, Site

pytestmark = pytest.mark.django_db
GROWN = 1.5  # times as many at most, where there is five times as much
SLACK = 8000
# Once an hour, with nobody waiting: all files are asked who still needs them.
CHORES = {"tidy"}


def steps_of(site: Site) -> dict[str, int]:
    found = {}
    with paths.lean():
        WAYS["metrics"](site)  # a process's first scrape reads all runs once
        for name, way in WAYS.items():
            steps: list[int] = []
            with transaction.atomic():
                with plans.counted(steps):
                    way(site)
                transaction.set_rollback(True)
            found[name] = steps[0]
    return found


def populate(**options: Any) -> None:
    call_command("populate", verbosity=0, beside=True, **options)


def test_a_site_five_times_as_large_costs_hardly_more_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lists, "MOST", 200)
    populate(contest="large", submissions=800, teams=120, waiting=20)
    site = paths.look_around("large")
    before = steps_of(site)
    populate(contest="more", submissions=3200, teams=480, waiting=0)
    after = steps_of(site)
    dear = {
        name: (before[name], after[name])
        for name in WAYS
        if name not in CHORES and after[name] > GROWN * before[name] + SLACK
    }
    assert dear == {}
