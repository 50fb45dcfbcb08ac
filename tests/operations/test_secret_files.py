"""What may hold a password can lie in a file: the site reads it, and a host that runs strangers' code is not told."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from config import databases, env
from operations import broker_address, secret_settings
from operations.layout import Layout
from operations.processes import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(layout=Layout(var=tmp_path / "var", environments=tmp_path / "environments"), port=8000)


@pytest.fixture
def in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Every secret of the site, each in a file of its own, as Compose and systemd hand them over."""
    told = dict.fromkeys(secret_settings.OF_THE_SITE, "as it is") | {
        "PODIUM_DATABASE_URL": "postgresql://podium:p%40ss@db/podium",
        "PODIUM_REDIS_URL": "redis://:s3cret@redis:6379/1",
    }
    for name, value in told.items():
        (tmp_path / name).write_text(f"{value}\n")
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    return told


def test_a_secret_is_read_from_the_file_that_is_named(in_files: dict[str, str]) -> None:
    assert {name: env.private(name) for name in in_files} == in_files


def test_what_is_set_itself_stands_before_a_file(
    in_files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODIUM_DATABASE_URL", "postgresql://elsewhere/other")
    assert env.private("PODIUM_DATABASE_URL") == "postgresql://elsewhere/other"


def test_the_database_is_that_of_the_file(in_files: dict[str, str], tmp_path: Path) -> None:
    found = databases.database(tmp_path)
    assert (found["HOST"], found["NAME"], found["USER"], found["PASSWORD"]) == (
        "db",
        "podium",
        "podium",
        "p@ss",
    )


def test_a_broker_that_a_file_names_is_used_and_none_is_started(
    machine: Machine, in_files: dict[str, str]
) -> None:
    assert machine.redis_url == in_files["PODIUM_REDIS_URL"]
    assert not machine.embeds_broker


def test_the_agent_is_told_of_the_bells_and_of_no_other_secret(
    machine: Machine, in_files: dict[str, str]
) -> None:
    told = machine.agent_environment()
    assert told["PODIUM_BROKER_URL"] == in_files["PODIUM_REDIS_URL"]
    assert not [name for name in in_files if name in told or f"{name}_FILE" in told]


@pytest.mark.parametrize("there", [False, True])
def test_the_databases_file_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    for name in ("PODIUM_DATABASE_URL", "PODIUM_DATABASE_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    if there:  # as an older version made it
        (tmp_path / "podium.sqlite3").touch(mode=0o644)
    place = databases.database(tmp_path)["NAME"]
    with contextlib.closing(sqlite3.connect(place)) as opened:
        opened.executescript("PRAGMA journal_mode=WAL; CREATE TABLE session (key)")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("podium.sqlite3*")}
    assert modes == dict.fromkeys(("podium.sqlite3", "podium.sqlite3-wal", "podium.sqlite3-shm"), 0o600)


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_file_that_holds_nothing_readable_is_named(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_bytes(content)
    monkeypatch.delenv("PODIUM_DATABASE_URL", raising=False)
    monkeypatch.setenv("PODIUM_DATABASE_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(env.BadSetting, match=r"PODIUM_DATABASE_URL_FILE=.* cannot be read"):
        databases.database(tmp_path)


@pytest.mark.parametrize(
    ("ours", "celerys"),
    [
        ("unix:///run/valkey.sock", "redis+socket:///run/valkey.sock"),
        ("unix://:pass@/run/valkey.sock?db=2", "redis+socket://:pass@/run/valkey.sock?virtual_host=2"),
        ("redis://:pass@host:6379/3", "redis://:pass@host:6379/3"),
        ("rediss://host:6379/3", "rediss://host:6379/3?ssl_cert_reqs=required"),
    ],
)
def test_celery_is_told_the_same_broker_in_its_own_words(ours: str, celerys: str) -> None:
    assert broker_address.for_celery(ours) == celerys
