"""A wire between hub and broker that can go silent without breaking, as one whose far end lost its power does."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self


class Wire:
    def __init__(self, path: Path, broker_url: str) -> None:
        self.url = f"unix://{path}"
        self._broker_path = broker_url.removeprefix("unix://")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._sockets: list[socket.socket] = []
        self._subscriptions: set[socket.socket] = set()
        self._muted: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def mute_subscriptions(self) -> None:
        """From now on the subscriptions of this moment deliver nothing; new ones do."""
        self._muted |= self._subscriptions

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._broker_path)
                self._sockets += [near, far]
                for source, target in ((near, far), (far, near)):
                    thread = threading.Thread(target=self._carry, args=(source, target))
                    thread.start()
                    self._threads.append(thread)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if b"PSUBSCRIBE" in data:
                    self._subscriptions.add(target)
                if source not in self._muted:
                    target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listening, *self._sockets):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in (self._listening, *self._sockets):
            end.close()
