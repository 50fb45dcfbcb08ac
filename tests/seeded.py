"""The state that a test's stack begins with: made once by a worker of the tests, copied for each of its stacks.

Making it (tests.stack_seed: migrations, static files, contests) takes six seconds of processor time, copying it a
tenth of one. A stack whose settings say where blobs or environments are is filled anew: its state is another.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests import postgres
from tests.cluster import cluster

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / "var" / "environments"
SHAPES_IT = ("PODIUM_S3_", "PODIUM_ENVIRONMENTS_DIR")


@dataclasses.dataclass(frozen=True, slots=True)
class _First:
    """`database` is its name in the cluster; on SQLite it lies in `var`."""

    var: Path
    database: str
    tokens: Mapping[str, str]


def environment_of(var: Path, pools: str) -> dict[str, str]:
    """What the processes of a stack are told."""
    inherited = dict(os.environ)  # noqa: TID251 - the stack's processes inherit it, without our own settings
    return {name: text for name, text in inherited.items() if not name.startswith("PODIUM_")} | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PODIUM_VAR": str(var),
        "PODIUM_PLAIN_HTTP": "1",
        "PODIUM_ENVIRONMENTS_DIR": str(ENVIRONMENTS),
        "PODIUM_POOLS": pools,
        "PODIUM_LEASE_S": "4",
        "PODIUM_HEARTBEAT_S": "1",
        "PODIUM_LOOK_EVERY_S": "2",
        # Making warm sandboxes is a fifth of what a stack computes, and most programs of the tests import nothing of
        # theirs. The storm has them (and tests of them, and the corpus); they ask nothing of a database.
        "PODIUM_WARM": "off" if cluster() else "scoring=1",
        "PODIUM_ALLOW_SOFT_LIMITS": "1",  # an ordinary user may run the tests
        # Tests hand in and look as often as they like.
        "PODIUM_API_USER_PER_MINUTE": "0",
        "PODIUM_API_UPLOADS_PER_MINUTE": "0",
        "PODIUM_API_ANONYMOUS_PER_MINUTE": "0",
        "PODIUM_API_BOARD_PER_MINUTE": "0",
    }


def fill(environment: Mapping[str, str], settings: Mapping[str, str], database: str) -> Mapping[str, str]:
    """Give a stack its first state; the users' tokens. `database` is its empty one in the cluster; none on SQLite."""
    if any(name.startswith(SHAPES_IT) for name in settings):
        return _seed(environment)
    first = _first()
    shutil.copytree(first.var, environment["PODIUM_VAR"], dirs_exist_ok=True)
    if database:
        postgres.drop_database(cluster(), database)
        postgres.make_database(cluster(), database, template=first.database)
    return first.tokens


@functools.cache
def _first() -> _First:
    folder = Path(tempfile.mkdtemp(prefix="podium-seeded-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    told = environment_of(folder / "var", "cpu:1,scoring:1")
    Path(told["PODIUM_VAR"]).mkdir()
    database = ""
    if cluster():
        database = f"seeded_{os.getpid()}"
        postgres.make_database(cluster(), database)
        told["PODIUM_DATABASE_URL"] = postgres.address(cluster(), database)
    return _First(folder / "var", database, _seed(told))


def _seed(environment: Mapping[str, str]) -> Mapping[str, str]:
    seeded = subprocess.run(
        [sys.executable, "-m", "tests.stack_seed"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert seeded.returncode == 0, seeded.stderr
    tokens: dict[str, str] = json.loads(seeded.stdout)
    return tokens
