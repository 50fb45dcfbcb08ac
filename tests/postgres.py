"""A real PostgreSQL for tests: Debian's, as a cluster of this test run's own, reached by a unix socket alone.

`fsync` is off. It guards against power cuts, which no test here makes: a server that is killed loses nothing that it
handed to the kernel. All else that decides about transactions is as the server has it by default.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

INSTALLED = Path("/usr/lib/postgresql")
USER = "podium"
START_S, STOP_S = 30.0, 20.0
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "300",
    "log_lock_waits": "on",
    "lc_messages": "C",
}


def programs() -> Path:
    """Where the newest installed server's programs lie. Raises RuntimeError."""
    found = sorted(INSTALLED.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    if not found:
        raise RuntimeError("the tests' PostgreSQL is not installed: apt-get install postgresql")
    return found[0]


def _owner() -> str | None:
    """The server refuses to be root's. None: it is ours."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _as_owner(argv: Sequence[str]) -> list[str]:
    """Run as the cluster's owner, and end when whoever started it does."""
    owner = _owner()
    who = ["--reuid", owner, "--regid", str(pwd.getpwnam(owner).pw_gid), "--clear-groups"] if owner else []
    return ["setpriv", *who, "--pdeathsig", "SIGINT", *argv]


@contextlib.contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """The folder of the socket, as `address` wants it. `folder` must not exist, and have a short path."""
    folder.mkdir(mode=0o755)
    if owner := _owner():
        shutil.chown(folder, owner)
    data, log = folder / "data", folder / "log"
    command = [
        "initdb",
        "--no-sync",
        "--auth=trust",
        f"--username={USER}",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]
    made = subprocess.run(
        _as_owner([str(programs() / command[0]), *command[1:], "--pgdata", str(data)]),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if made.returncode != 0:
        raise RuntimeError(f"initdb: {made.stdout}{made.stderr}")
    told = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    with log.open("wb") as file:
        server = subprocess.Popen(
            _as_owner([str(programs() / "postgres"), "-D", str(data), "-k", str(folder), *told]),
            stdout=file,
            stderr=file,
            cwd="/",
        )
    try:
        _wait(server, folder, log)
        yield str(folder)
    finally:
        server.send_signal(signal.SIGQUIT)  # nothing of it is kept
        server.wait(STOP_S)


def _wait(server: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        with contextlib.suppress(psycopg.OperationalError), _connection(str(folder)):
            return
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")
        time.sleep(0.05)


def address(folder: str, database: str) -> str:
    """What PODIUM_DATABASE_URL is told."""
    return f"postgresql://{USER}@/{database}?host={folder}"


def _connection(folder: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(host=folder, user=USER, dbname="postgres", autocommit=True, connect_timeout=5)


def make_database(folder: str, name: str, *, template: str = "template0") -> None:
    with _connection(folder) as connection:
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(words.format(sql.Identifier(name), sql.Identifier(template)))


def drop_database(folder: str, name: str) -> None:
    with _connection(folder) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
