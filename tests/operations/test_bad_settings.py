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
    "PODIUM_EMAIL_URL": "mail.example.org",
    "PODIUM_PLAIN_HTTP": "perhaps",
    "PODIUM_SITE": "podium.example.org",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_setting_that_cannot_be_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PODIUM_")}  # noqa: TID251
    environment |= {name: WRONG[name], "PODIUM_VAR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--plan"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith(f"Podium: {name}")
