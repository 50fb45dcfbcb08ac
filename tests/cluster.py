"""The PostgreSQL of one run of the tests and of its workers; the process that pytest was started as owns it."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from tests import postgres

CLUSTER = "PODIUM_TESTS_CLUSTER"  # the folder of its socket


def cluster() -> str:
    """The running cluster; empty when the tests are on SQLite."""
    return os.environ.get(CLUSTER, "")  # noqa: TID251 - handed from pytest to its workers


def start_cluster() -> None:
    """Start PostgreSQL for as long as this process lives, and name its database to Django."""
    # The server's user comes through to it, and the socket's name may have 107 bytes.
    private = Path(tempfile.mkdtemp(prefix="podium-pg-"))
    private.chmod(0o711)
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    started = stack.enter_context(postgres.running_postgres(private / "c"))
    os.environ[CLUSTER] = started  # noqa: TID251
    os.environ["PODIUM_DATABASE_URL"] = postgres.address(started, "podium")  # noqa: TID251


def deadlocks() -> list[str]:
    """What the server said of transactions that waited for each other. None of ours may: locks have an order."""
    lines = (Path(cluster()) / "log").read_text(errors="replace").splitlines()
    return [line for line in lines if "deadlock detected" in line]
