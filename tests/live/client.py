"""What the tests hold against the hub: processes of it, listeners, and a broker that can be killed."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.valkey import start_valkey

SECRET = "the secret of the tests"
WAIT_S = 10.0
ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Received:
    id: str
    name: str
    data: str

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Listener:
    """An EventSource: reads on a thread of its own until it is closed or cut off."""

    def __init__(self, port: int, path: str, headers: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", path, headers=headers or {})
        self.socket = self._connection.sock
        self.response = self._connection.getresponse()
        self.status = self.response.status
        self.raw = b""
        self.ended = threading.Event()
        self._events: queue.Queue[Received] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        fields: dict[str, list[str]] = {}
        try:
            while line := self.response.readline():
                self.raw += line
                text = line.decode().rstrip("\n")
                if text:
                    name, _, value = text.partition(": ")
                    fields.setdefault(name, []).append(value)
                elif fields:
                    if "event" in fields:
                        event_id = fields.get("id", [""])[-1]
                        self._events.put(Received(event_id, fields["event"][-1], "\n".join(fields["data"])))
                    fields = {}
        except (OSError, http.client.HTTPException, ValueError):
            pass  # cut off
        finally:
            self.ended.set()

    def next(self, timeout: float = WAIT_S) -> Received:
        return self._events.get(timeout=timeout)

    def next_or_none(self, timeout: float) -> Received | None:
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.response.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class HubProcess:
    def __init__(
        self, *, http_parser: str, wrap_send: bool, pages: str, port: int, files: int, **settings: Any
    ) -> None:
        options = {
            "settings": settings,
            "http": http_parser,
            "wrap_send": wrap_send,
            "pages": pages,
            "port": port,
            "files": files,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.live.site", json.dumps(options)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self._listeners: list[Listener] = []

    def listen(self, path: str, **headers: str) -> Listener:
        """A listener on /live/<path>, closed with the process."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        listener = Listener(self.port, f"/live/{path}", named)
        self._listeners.append(listener)
        return listener

    def ask(self, path: str, method: str = "GET") -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Broker:
    """A Valkey that can be killed, and started again empty."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process, self.url = start_valkey(directory)

    def start(self) -> None:
        self._process, self.url = start_valkey(self._directory)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


StartHub = Callable[..., HubProcess]
