"""Moving a site from SQLite to PostgreSQL by the commands of docs/operate.md: every row arrives, and new ones fit."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.cluster import cluster

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600), pytest.mark.usefixtures("services")]
# Made by `migrate` itself, with other numbers on each database; what refers to them does so by name.
MADE_ANEW = ("contenttypes.ContentType", "auth.Permission")
ROWS = f"""
import django; django.setup()
from django.apps import apps
from django.core import serializers
for model in sorted(apps.get_models(), key=lambda model: model._meta.label):
    if model._meta.label not in {MADE_ANEW!r}:
        rows = model._base_manager.order_by("pk").iterator()
        print(serializers.serialize("jsonl", rows, use_natural_foreign_keys=True), end="")
"""
SOMETHING_NEW = """
import django; django.setup()
from tests import builders
from contests.models import Contest
contest = Contest.objects.get(slug="tiny")
submission = builders.make_submission(contest, builders.make_user("newcomer"), status="FINISHED")
print(submission.team_id)
"""


@pytest.fixture
def empty_database() -> Iterator[str]:
    name = f"moved_{secrets.token_hex(4)}"
    postgres.make_database(cluster(), name)
    yield postgres.address(cluster(), name)
    postgres.drop_database(cluster(), name)


def documented() -> list[list[str]]:
    """The commands that the page names, in order."""
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    part = page.partition("### From SQLite to PostgreSQL")[2].partition("\n## ")[0]
    return [shlex.split(line) for line in re.findall(r"^    \.venv/bin/python (.*)$", part, re.MULTILINE)]


def python(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(environment: dict[str, str]) -> list[object]:
    """Every row of the site. PostgreSQL keeps the keys of a JSON object in an order of its own.

    Relations to many stand at their row: what joins them gets new numbers, which nothing refers to.
    """
    return [json.loads(line) for line in python(environment, "-c", ROWS).splitlines()]


def test_every_row_arrives_and_new_ones_fit(tmp_path: Path, empty_database: str) -> None:
    inherited = dict(os.environ)  # noqa: TID251 - without our own settings
    before = {name: text for name, text in inherited.items() if not name.startswith("PODIUM_")} | {
        "PODIUM_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    after = before | {"PODIUM_DATABASE_URL": empty_database}
    python(before, "-m", "tests.stack_seed")
    python(before, "-c", SOMETHING_NEW.replace("newcomer", "oldtimer"))
    dump, *rest = documented()
    python(before, *(word.replace("var/", f"{tmp_path}/") for word in dump))
    for command in rest:
        python(after, *(word.replace("var/", f"{tmp_path}/") for word in command))
    old, new = (rows(environment) for environment in (before, after))
    assert len(old) > 50
    assert new == old
    assert int(python(after, "-c", SOMETHING_NEW)) > 0
