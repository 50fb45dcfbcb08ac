"""Sets the tests' own environment before Django reads its settings (loaded by `-p tests.environment`).

Without an option the site under test is the one that needs nothing: SQLite and the embedded Valkey. `--postgres` runs
what touches a database or a broker (see tests.both_ways) on PostgreSQL and Redis instead.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import cluster, start_cluster

IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ  # noqa: TID251 - pytest-xdist's
if not IS_WORKER:
    _var = Path(tempfile.mkdtemp(prefix="podium-tests-"))
    atexit.register(shutil.rmtree, _var, ignore_errors=True)
    os.environ["PODIUM_VAR"] = str(_var)  # noqa: TID251
os.environ.update(  # noqa: TID251
    PODIUM_PLAIN_HTTP="1",
    PODIUM_SECRET_KEY="only-for-tests",
    PODIUM_ALLOWED_HOSTS="127.0.0.1,localhost,testserver",
    # Many tests are one person at one address; the throttles have tests of their own.
    **{
        f"PODIUM_API_{scope}_PER_MINUTE": "0" for scope in ("ANONYMOUS", "USER", "UPLOADS", "TOKENS", "BOARD")
    },
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        action="store_true",
        help="run what touches a database or a broker on PostgreSQL and Redis",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Before pytest-django reads the settings. Workers of xdist inherit what their parent has started."""
    if early_config.known_args_namespace.postgres and not cluster():
        start_cluster()
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: Sequence[Any]) -> None:
    """Each worker has a var/ of its own. It is told by its parent: it reads the settings before its plugins."""
    for number, spec in enumerate(specs):
        spec.env["PODIUM_VAR"] = str(_var / f"worker-{number}")
