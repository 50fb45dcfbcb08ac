"""compose.yaml hands on each setting that docs/operate.md names: one that .env sets and nobody reads is a trap."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OF_CONTAINERS = {
    "PODIUM_VAR", "PODIUM_STATIC",  # the image's own
    "PODIUM_PLAIN_HTTP",  # follows from PODIUM_SITE
    "PODIUM_DEBUG",  # never where others can reach the site
    "PODIUM_BROKER_URL",  # the runner reaches no broker: its bells are a live stream
    "PODIUM_TOKEN", "PODIUM_TOKEN_FILE",  # podium-runner's
}  # fmt: skip


def test_every_setting_of_the_docs_reaches_a_container() -> None:
    tables = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    tables = tables.partition("### The site")[2].partition("## PostgreSQL")[0]
    rows = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| `PODIUM_")]
    documented = {name for row in rows for name in re.findall(r"`(PODIUM_\w+)`", row)}
    composed = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    handed_on = set(re.findall(r"^ +(PODIUM_\w+):", composed, re.MULTILINE))
    by_file = {name.removesuffix("_FILE") for name in handed_on if name.endswith("_FILE")}
    assert len(documented) > 40
    assert documented - handed_on - by_file - {f"{name}_FILE" for name in handed_on} == NOT_OF_CONTAINERS


def test_no_password_is_in_an_environment() -> None:
    composed = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    named = re.findall(
        r"^ +(PODIUM_(?:\w*(?:SECRET|TOKEN|KEY)|DATABASE_URL|REDIS_URL|EMAIL_URL)):", composed, re.MULTILINE
    )
    assert named == []
