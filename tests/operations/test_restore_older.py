"""A backup of an older version into an empty site of this one, on PostgreSQL, whose tables are newer."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from operations.backup import manifest
from tests import postgres
from tests.cluster import cluster

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600), pytest.mark.usefixtures("services")]
ALICE = "from accounts.models import User; User.objects.create_user('alice')"
SEEN = """
from accounts.models import User
from operations.models import Notice
print(User.objects.get(), Notice.objects.count())
"""


def manage(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture
def names() -> Iterator[tuple[str, str]]:
    made = (f"older_{secrets.token_hex(4)}", f"newer_{secrets.token_hex(4)}")
    yield made
    for name in made:
        postgres.drop_database(cluster(), name)


def backup_of(name: str, environment: dict[str, str], target: Path) -> Path:
    """What the version before notices would have written."""
    target.mkdir()
    dump = target / "database.pgdump"
    argv = [
        "pg_dump",
        "--format=custom",
        "--no-owner",
        "--no-acl",
        "--host",
        cluster(),
        "--username",
        postgres.USER,
    ]
    subprocess.run([*argv, f"--file={dump}", name], env=environment, check=True)
    told = manifest.Manifest(
        version="0.0.9",
        made_at="2026-11-20",
        engine="postgresql",
        database=dump.name,
        database_sha256=hashlib.sha256(dump.read_bytes()).hexdigest(),
        migrations=["accounts.0001_initial"],
        counts={"accounts_user": 1},
        blobs=0,
        blob_bytes=0,
        missing=[],
    )
    (target / manifest.NAME).write_text(told.as_json())
    return target


def test_tables_that_came_later_stand_in_no_ones_way(names: tuple[str, str], tmp_path: Path) -> None:
    older, newer = names
    postgres.make_database(cluster(), older)
    of_older, of_newer = (
        dict(os.environ)  # noqa: TID251 - of children
        | {"PODIUM_DATABASE_URL": postgres.address(cluster(), name), "PODIUM_VAR": str(tmp_path / name)}
        for name in names
    )
    manage(of_older, "migrate", "--verbosity=0")
    postgres.make_database(cluster(), newer, template=older)
    manage(of_older, "shell", "--verbosity=0", "-c", ALICE)
    manage(of_older, "migrate", "--verbosity=0", "operations", "zero")
    copy = backup_of(older, of_older, tmp_path / "copy")
    manage(of_newer, "restore", str(copy))
    assert manage(of_newer, "shell", "--verbosity=0", "-c", SEEN) == "alice 0"
    assert not list((tmp_path / newer).glob("*.sql"))


def test_a_site_that_runs_on_another_host_is_not_replaced_under_its_feet(
    names: tuple[str, str], tmp_path: Path
) -> None:
    """Its processes hold no lock of this machine; the database server knows them."""
    older = names[0]
    postgres.make_database(cluster(), older)
    environment = dict(os.environ) | {  # noqa: TID251 - of children
        "PODIUM_DATABASE_URL": postgres.address(cluster(), older),
        "PODIUM_VAR": str(tmp_path / older),
    }
    manage(environment, "migrate", "--verbosity=0")
    manage(environment, "shell", "--verbosity=0", "-c", ALICE)
    copy = backup_of(older, environment, tmp_path / "copy")
    elsewhere = psycopg.connect(postgres.address(cluster(), older), application_name="podium elsewhere")
    with elsewhere, pytest.raises(AssertionError, match="connected to the database"):
        manage(environment, "restore", "--replace", str(copy))
    elsewhere.close()
    manage(environment, "restore", "--replace", str(copy))
