"""`make clean` in a checkout of its own: says what it would remove, and removes nothing else."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.stack import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "clean.sh", tmp_path / "tools")
    (tmp_path / "var" / "run").mkdir(parents=True)
    (tmp_path / "var" / "run" / "supervisor.lock").touch()
    (tmp_path / "var" / "podium.sqlite3").write_bytes(b"x" * 300_000)
    (tmp_path / ".venv").mkdir()
    (tmp_path / "README.md").write_text("stays")
    return tmp_path


def clean(checkout: Path, *, answer: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PODIUM_")}  # noqa: TID251
    return subprocess.run(
        ["/bin/sh", "tools/clean.sh"],
        cwd=checkout,
        env=inherited | settings,
        input=answer,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_it_says_what_it_removes_and_how_large_it_is_and_asks(checkout: Path) -> None:
    done = clean(checkout, answer="no\n")
    assert done.returncode == 1
    assert "var/podium.sqlite3" in done.stdout
    assert "296K" in done.stdout or "300K" in done.stdout
    assert "Type yes" in done.stdout
    assert "nothing was removed" in done.stderr
    assert (checkout / "var" / "podium.sqlite3").exists()


def test_after_a_yes_nothing_of_it_is_left_and_nothing_else_is_gone(checkout: Path) -> None:
    done = clean(checkout, answer="yes\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in checkout.iterdir()) == ["README.md", "tools"]
    assert "nothing to remove" in clean(checkout).stdout


def test_a_script_may_confirm_beforehand(checkout: Path) -> None:
    assert clean(checkout, CONFIRM="yes").returncode == 0
    assert not (checkout / "var").exists()


def test_silence_is_no_yes(checkout: Path) -> None:
    assert clean(checkout).returncode == 1
    assert clean(checkout, CONFIRM="y").returncode == 1
    assert (checkout / "var").exists()


def test_it_refuses_while_a_site_runs(checkout: Path) -> None:
    with (checkout / "var" / "run" / "supervisor.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = clean(checkout, CONFIRM="yes")
    assert done.returncode == 1
    assert "a site runs on var/" in done.stderr
    assert (checkout / "var" / "podium.sqlite3").exists()


def test_state_elsewhere_is_left_alone_and_said_to_be(checkout: Path, tmp_path: Path) -> None:
    done = clean(checkout, CONFIRM="yes", PODIUM_VAR="/srv/podium")
    assert "PODIUM_VAR=/srv/podium stays." in done.stdout
