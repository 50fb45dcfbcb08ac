"""A setting that cannot be: one line that names it and says what is expected, before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WRONG = {
    "PODIUM_SIGNUP": "maybe",
    "PODIUM_MAX_UPLOAD_MB": "0",
    "PODIUM_LEASE_S": "-1",
    "PODIUM_API_USER_PER_MINUTE": "many",
    "PODIUM_TIME_ZONE": "Mars/Base",
    "PODIUM_TRUSTED_ORIGINS": "other.example.org",
    "PODIUM_REDIS_URL": "localhost:6379",
    "PODIUM_DATABASE_URL": "mysql://localhost/podium",
    "PODIUM_DATABASE_URL_FILE": "/nowhere/database_url",
    "PODIUM_REDIS_URL_FILE": "/dev/null",
    "PODIUM_EMAIL_URL": "mail.example.org",
    "PODIUM_PLAIN_HTTP": "perhaps",
    "PODIUM_SITE": "podium.example.org",
}


# Each of these may hold a password, which no message may show.
SECRET = {
    "PODIUM_DATABASE_URL": (
        "postgresql://podium:tr0ub4dor@host:port/podium",
        "postgresql://podium:tr0ub4dor@host",
    ),
    "PODIUM_REDIS_URL": ("redis://:tr0ub4dor@host:port/0", "http://:tr0ub4dor@host"),
}


def start(environment: dict[str, str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PODIUM_")}  # noqa: TID251
    return subprocess.run(
        [sys.executable, "manage.py", "migrate", "--plan"],
        cwd=ROOT,
        env=inherited | environment | {"PODIUM_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", WRONG)
def test_a_setting_that_cannot_be_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    ended = start({name: WRONG[name]}, tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith(f"Podium: {name}")


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in SECRET for value in SECRET[name]])
def test_a_wrong_address_is_named_without_its_password(name: str, value: str, tmp_path: Path) -> None:
    ended = start({name: value}, tmp_path)
    assert ended.stderr.startswith(f"Podium: {name}")
    assert ended.stderr.count("\n") == 1
    assert "tr0ub4dor" not in ended.stderr
