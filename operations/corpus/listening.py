"""The live stream of a submission's page, byte for byte as a browser gets it, and once more by replay."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from typing import Self
from urllib.parse import urlsplit

KEPT = 64 << 20
QUIET_S = 0.2  # a replay is over when so long nothing came
REPLAY_S = 2.0
_EVENT_ID = re.compile(rb"^id: ([0-9A-Za-z-]{1,51})", re.MULTILINE)


class Listener:
    """Reads a stream on a thread of its own until it is closed."""

    def __init__(self, url: str, address: str) -> None:
        self._url, self._address = url, address
        self._heard: list[bytes] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        if self._address:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._address:
            self._thread.join()

    def heard(self) -> bytes:
        return b"".join(self._heard)

    def replay(self) -> bytes:
        """The stream as one gets it who was away since the first event."""
        first = _EVENT_ID.search(self.heard())
        if first is None or not self._address:
            return b""
        found, until = [], time.monotonic() + REPLAY_S
        with contextlib.suppress(OSError), self._connected(first[1].decode()) as stream:
            stream.settimeout(QUIET_S)
            while time.monotonic() < until and (piece := stream.recv(1 << 16)):
                found.append(piece)
        return b"".join(found)

    def _listen(self) -> None:
        size = 0
        with contextlib.suppress(OSError), self._connected("") as stream:
            stream.settimeout(QUIET_S)
            while not self._closing.is_set():
                with contextlib.suppress(TimeoutError):
                    piece = stream.recv(1 << 16)
                    if not piece:
                        return
                    size += len(piece)
                    if size <= KEPT:
                        self._heard.append(piece)

    def _connected(self, held: str) -> socket.socket:
        target = urlsplit(self._url)
        stream = socket.create_connection((target.hostname, target.port), timeout=10)
        last = f"Last-Event-ID: {held}\r\n" if held else ""
        request = f"GET {self._address} HTTP/1.1\r\nHost: {target.netloc}\r\n{last}Connection: close\r\n\r\n"
        stream.sendall(request.encode())
        return stream
