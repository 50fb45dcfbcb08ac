"""Rules of access are written once: no view, serializer or admin page reads an account's rights for itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("config", "judge", "leaderboard", "contests", "compute", "accounts", "rest")


def attributes_read(path: Path) -> set[str]:
    return {
        node.attr for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize("right", ["is_superuser", "is_staff"])
def test_what_an_account_is_given_is_read_in_one_place(right: str) -> None:
    reading = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts and right in attributes_read(path)
    }
    assert reading == {"accounts/rights.py"}


def test_who_organises_a_contest_is_asked_in_one_place() -> None:
    """Elsewhere the list of organisers is only written, or shown to those organisers."""
    asking = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text("utf-8")
            if "organisers__" in text or "organisers.filter(" in text or "organisers=user" in text:
                asking.add(str(path.relative_to(ROOT)))
    assert asking == {
        "contests/access.py",
        "contests/api/contests.py",
    }  # the filter “mine”, which opens nothing
