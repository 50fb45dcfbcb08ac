"""One process of the site in the foreground, for whoever keeps processes alive himself: Docker, systemd.

Theory of operation. What a container starts must not depend on the order in which others started: after a power cut
all of them come up at once. So each waits until the database answers and holds the tables of this checkout, and only
then becomes the program, by exec: there is nothing between the program and its keeper's signals. Nothing here migrates;
that is `manage.py prepare_site`, once, before (compose.yaml: the service `prepare`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NoReturn

from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from operations import instance, processes
from operations.layout import ROOT
from operations.processes import Machine
from operations.supervisor import Program

PROGRAMS: dict[str, Callable[[Machine], Program]] = {
    "web": processes.web,
    "judge": processes.judge,
    "beat": processes.beat,
    "publisher": processes.publisher,
}
LOOK_EVERY_S = 0.5


class NotPrepared(Exception):
    """The process cannot do its work; the message says what is missing."""


def check_address(name: str, address: str, *, behind_proxy: bool) -> None:
    """Raise NotPrepared for a web process that would send everybody in circles, and take all for the proxy."""
    if name == "web" and address.startswith("https://") and not behind_proxy:
        raise NotPrepared(
            f"PODIUM_SITE={address} needs a proxy that speaks TLS in front: set PODIUM_BEHIND_PROXY=1 when it is there "
            "(docs/operate.md, TLS)"
        )


def wait_for_database(*, within_s: float) -> None:
    """Return when the database answers. Raises NotPrepared."""
    _wait(_silence, within_s)


def wait_until_prepared(*, within_s: float) -> None:
    """Return when the database has every table of this checkout. Raises NotPrepared."""
    _wait(_missing, within_s)


def become(name: str, machine: Machine) -> NoReturn:
    """Replace this process by one of PROGRAMS, with the environment that it was given."""
    argv = PROGRAMS[name](machine).argv
    connections.close_all()
    instance.join(machine.layout.run)
    os.chdir(ROOT)
    os.execv(argv[0], argv)  # noqa: S606 - a program of ours


def _wait(complaint: Callable[[], str], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while why := complaint():
        if time.monotonic() >= deadline:
            raise NotPrepared(f"{why}, {within_s:g} s after the start")
        time.sleep(LOOK_EVERY_S)


def _silence() -> str:
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        return f"the database does not answer: {_first_line(error)}"
    return ""


def _missing() -> str:
    if why := _silence():
        return why
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "the database lacks migrations of this version (manage.py prepare_site makes them)"
    except DatabaseError as error:
        connection.close()
        return f"the database does not answer: {_first_line(error)}"
    return ""


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), repr(error))
