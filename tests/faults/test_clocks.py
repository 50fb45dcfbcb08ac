"""A web process whose clock is wrong: on PostgreSQL leases go by the database's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from tests import postgres
from tests.cluster import cluster
from tests.faults.chaos.own import Clock
from tests.stack import ROOT

PROGRAM = """
import time
import django
django.setup()
from judge import clock
print(clock.now().timestamp(), time.time())
"""


@pytest.mark.postgres
@pytest.mark.django_db
def test_leases_go_by_the_databases_clock_and_not_by_that_of_a_web_process(tmp_path: Path) -> None:
    moved = Clock(tmp_path / "clock")
    moved.move(3600)
    database = postgres.address(cluster(), str(connection.settings_dict["NAME"]))
    told = os.environ | moved.environment() | {"PODIUM_DATABASE_URL": database}  # noqa: TID251
    told["DJANGO_SETTINGS_MODULE"] = "config.settings"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=told, capture_output=True, text=True, check=True
    )
    lease_clock, own_clock = map(float, done.stdout.split())
    assert own_clock - time.time() > 3000  # it is an hour ahead
    assert abs(lease_clock - time.time()) < 60
