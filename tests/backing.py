"""What a stack needs beside itself: nothing on SQLite and Valkey, else a database and a Redis of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import redis

from tests import postgres
from tests.cluster import cluster
from tests.valkey import server_binary, wait_for


@dataclasses.dataclass(frozen=True, slots=True)
class Services:
    """`environment`: what the site is told of them. `database`: its name in the cluster, none on SQLite."""

    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    database: str = ""
    broker: Broker | None = None


class Broker:
    """A Redis server with a password that is started again whenever it ends, as a service manager would."""

    def __init__(self, port: int, folder: Path) -> None:
        password = secrets.token_urlsafe(9)
        self.url = f"redis://:{password}@127.0.0.1:{port}/1"
        arguments = ["--bind", "127.0.0.1", "--port", str(port), "--requirepass", password, "--save", ""]
        self._argv = [str(server_binary()), *arguments, "--appendonly", "no", "--dir", str(folder)]
        self._ending = False
        self._process = self._start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._ending = True
        self._process.kill()
        self._keeper.join()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self._argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.closing(redis.Redis.from_url(self.url)) as client:
            wait_for(process, client)
        return process

    def _keep(self) -> None:
        while True:
            self._process.wait()
            if self._ending:
                return
            self._process = self._start()


@contextlib.contextmanager
def services(folder: Path, port: int) -> Iterator[Services]:
    """What a stack needs beside itself; `port` is free for the broker. All of it goes with the context."""
    socket = cluster()
    if not socket:
        yield Services()
        return
    name = f"stack_{secrets.token_hex(6)}"
    postgres.make_database(socket, name)
    broker = Broker(port, folder)
    told = {"PODIUM_DATABASE_URL": postgres.address(socket, name), "PODIUM_REDIS_URL": broker.url}
    try:
        yield Services(told, name, broker)
    finally:
        broker.stop()
        postgres.drop_database(socket, name)
