"""tools/compose_secrets.sh: each site's own secrets, made once."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "compose_secrets.sh", tmp_path / "tools")
    return tmp_path


def made(checkout: Path) -> dict[str, str]:
    subprocess.run(["sh", "tools/compose_secrets.sh"], cwd=checkout, check=True, capture_output=True)
    return {path.name: path.read_text() for path in (checkout / "secrets").iterdir()}


def test_secrets_are_drawn_once_and_kept(checkout: Path) -> None:
    first = made(checkout)
    assert made(checkout) == first
    (checkout / "secrets" / "secret_key").unlink()
    again = made(checkout)
    assert again["secret_key"] != first["secret_key"]
    assert {**again, "secret_key": ""} == {**first, "secret_key": ""}


def test_the_addresses_hold_the_passwords_and_the_folder_is_its_owners_alone(checkout: Path) -> None:
    secrets = made(checkout)
    assert secrets["database_url"] == f"postgresql://podium:{secrets['database_password']}@database/podium"
    assert secrets["redis_url"] == f"redis://:{secrets['redis_password']}@redis:6379/0"
    assert min(len(secrets[name]) for name in ("secret_key", "database_password", "redis_password")) >= 48
    assert stat.S_IMODE((checkout / "secrets").stat().st_mode) == 0o700


def test_every_secret_that_compose_names_is_made(checkout: Path) -> None:
    text = (ROOT / "compose.yaml").read_text()
    named = {
        line.split("./secrets/")[1].rstrip("}") for line in text.splitlines() if "{file: ./secrets/" in line
    }
    assert named == set(made(checkout))
