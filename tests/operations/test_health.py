"""What `/healthz` and `/readyz` say when the real thing is broken."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django.fixtures import Settings

from contests import stores
from operations import health
from operations.kept import Kept
from tests.builders import make_host, make_pool
from tests.contests.s3_server import s3_server
from tests.valkey import running_valkey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "KEPT_S", 0.0)
    health.KEPT.forget()


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[None]:
    with running_valkey(tmp_path_factory.mktemp("v")) as url:
        settings.REDIS_URL = url
        yield


def readyz(status: int) -> dict[str, Any]:
    health.KEPT.forget()
    answer = Client().get("/readyz")
    assert answer.status_code == status, answer.content
    assert "no-store" in answer["Cache-Control"]
    told: dict[str, Any] = answer.json()
    return told


def problems(told: dict[str, Any]) -> dict[str, str]:
    return {name: check["problem"] for name, check in told["checks"].items() if not check["ok"]}


@contextlib.contextmanager
def another_writer_at_work() -> Iterator[None]:
    """Somebody holds the database's write lock and does not let go."""
    if connection.vendor == "sqlite":
        name = connection.settings_dict["NAME"]
        other = sqlite3.connect(name, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()
    else:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
            try:
                yield
            finally:
                cursor.execute("SET default_transaction_read_only = off")


def test_all_is_well_where_every_part_works_and_every_pool_has_a_host(broker: None) -> None:
    make_host(make_pool("cpu"))
    told = readyz(200)
    assert told["status"] == "ready"
    assert problems(told) == {}
    assert told["pools"] == [{"name": "cpu", "live_hosts": 1, "trusted": False, "held": False}]


def test_a_pool_without_a_live_host_is_named_and_the_site_still_takes_submissions(broker: None) -> None:
    make_pool("gpu")
    told = readyz(200)
    assert told["status"] == "degraded"
    assert told["pools"][0]["live_hosts"] == 0


def test_a_database_that_cannot_be_written_to_is_not_ready(broker: None) -> None:
    with another_writer_at_work():
        told = readyz(503)
    assert told["status"] == "not ready"
    assert problems(told)["database"] in {"locked", "not writable"}
    assert problems(readyz(200)) == {}


def test_a_missing_migration_is_not_ready(broker: None) -> None:
    MigrationRecorder(connection).record_unapplied("judge", "0001_initial")
    try:
        assert problems(readyz(503)) == {"migrations": "1 not applied"}
    finally:
        MigrationRecorder(connection).record_applied("judge", "0001_initial")


def test_a_migration_of_a_newer_checkout_is_no_fault(broker: None) -> None:
    MigrationRecorder(connection).record_applied("judge", "9999_from_the_future")
    assert problems(readyz(200)) == {}


def test_a_store_elsewhere_is_not_asked_at_every_look(
    broker: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server(tmp_path / "s3") as server:
        settings.PODIUM_S3 = server.store()
        stores.chosen().prepare()
        health.STORE.forget()
        assert problems(readyz(200)) == {}
        server.stop()
        assert problems(readyz(200)) == {}, "what was true a moment ago is told for half a minute"
        monkeypatch.setattr(health, "STORE_KEPT_S", 0.0)
        assert problems(readyz(503)) == {"blobs": "takes no bytes"}
        server.start()
        assert problems(readyz(200)) == {}
    health.STORE.forget()


def test_a_blob_store_that_takes_no_bytes_is_not_ready(
    broker: None, settings: Settings, tmp_path: Path
) -> None:
    settings.PODIUM_BLOBS = tmp_path / "taken"
    settings.PODIUM_BLOBS.write_text("a file stands where the folder was")
    assert problems(readyz(503)) == {"blobs": "takes no bytes"}


def test_a_disk_without_space_is_not_ready(broker: None, settings: Settings) -> None:
    settings.PODIUM_DISK_LOW_MB = 1 << 40  # more than any disk has
    assert problems(readyz(503))["blobs"] == "no space left"


def test_a_broker_that_is_away_is_said_and_takes_nothing_down(settings: Settings, tmp_path: Path) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/nobody-listens.sock"
    told = readyz(200)
    assert (told["status"], problems(told)) == ("degraded", {"broker": "does not answer"})


def test_no_secret_is_told(settings: Settings) -> None:
    settings.REDIS_URL = "redis://:hunter2-broker@127.0.0.1:1/0"
    text = str(readyz(200))
    assert problems(readyz(200)) == {"broker": "does not answer"}
    assert not [
        word for word in ("hunter2", str(settings.VAR), settings.SECRET_KEY, "127.0.0.1") if word in text
    ]


def test_many_questions_in_a_second_are_one_look(broker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(health.look)
    first = kept.get(60)
    assert all(kept.get(60) is first for _ in range(20))
    assert kept.get(-1) is not first


def test_the_process_is_alive_whatever_became_of_the_database(broker: None) -> None:
    with another_writer_at_work():
        answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": site.PODIUM_VERSION})


ASKED = """
import json, time
import django
django.setup()
from django.test import Client, override_settings
PLAIN = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
told = []
with override_settings(STORAGES=PLAIN):
    for path in ("/readyz", "/status/", "/healthz"):
        began = time.monotonic()
        client = Client(headers={"host": "127.0.0.1"})
        client.cookies["sessionid"] = "ofsomebodywhoissignedin000000000"
        answer = client.get(path)
        told.append((answer.status_code, time.monotonic() - began, answer.content.decode()))
print(json.dumps(told))
"""


def test_a_database_server_that_is_away_is_told_soon_and_the_status_page_comes_all_the_same(
    tmp_path: Path,
) -> None:
    """Requests wait long for a connection; what asks how the site does must not."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and never listens
        away = f"postgresql://podium@127.0.0.1:{nobody.getsockname()[1]}/podium"
        told = {"PODIUM_VAR": str(tmp_path), "PODIUM_DATABASE_URL": away, "PODIUM_PLAIN_HTTP": "1"}
        told |= {"DJANGO_SETTINGS_MODULE": "config.settings"}
        done = subprocess.run(
            [sys.executable, "-c", ASKED],
            cwd=site.BASE_DIR,
            env=dict(os.environ) | told,  # noqa: TID251 - a child's
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    readiness, page, alive = json.loads(done.stdout)
    assert readiness[0] == 503
    assert problems(json.loads(readiness[2]))["database"] == "does not answer"
    assert (page[0], "Something is broken" in page[2], "Database: does not work" in page[2]) == (
        200,
        True,
        True,
    )
    assert alive[0] == 200
    assert max(seconds for _status, seconds, _text in (readiness, page, alive)) < 10
