"""Third-party browser files: committed, unchanged, and their lock says nothing of where they came from."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"


def test_every_vendored_file_is_listed_with_its_digest() -> None:
    lines = [line.split("  ./") for line in (VENDOR / "SHA256SUMS").read_text(encoding="ascii").splitlines()]
    listed = {name: digest for digest, name in lines}
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert found == listed


def test_the_lock_names_versions_and_digests_but_no_host() -> None:
    packages = json.loads((ROOT / "tools" / "vendor" / "package-lock.json").read_text(encoding="utf-8"))[
        "packages"
    ]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_nothing_of_ours_loads_from_elsewhere() -> None:
    ours = [
        *(ROOT / "templates").rglob("*.html"),
        *(ROOT / "static").rglob("*.js"),
        *(ROOT / "static").rglob("*.css"),
    ]
    assert len(ours) > 30
    loads = re.compile(r"(?:src=|href=|url\(|import |@import |fetch\()\s*[\"'(]?(?:https?:)?//")
    assert [
        str(path.relative_to(ROOT)) for path in ours if loads.search(path.read_text(encoding="utf-8"))
    ] == []
