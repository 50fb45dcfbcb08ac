"""A network that loses, delays and repeats: a proxy before a web process, for a runner host and for contestants.

What it does to a request is drawn from the seed; requests come from many threads, so their order is not. With `calm`
it is an honest one.
"""

from __future__ import annotations

import collections
import contextlib
import random
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "host", "content-encoding"}
LOST, UNHEARD, LATE = 0.04, 0.03, 0.05
REPEATED = {
    "finish": 0.4,
    "heartbeat": 0.1,
    "give-back": 0.3,
    "files": 0.2,
    "submissions": 0.2,
    "cancel": 0.4,
    "rejudge": 0.4,
}
AT_ONCE = 3


class Network:
    """Forwards to `target`; what it did is counted in `done`."""

    def __init__(self, target: str, seed: int) -> None:
        self.done: collections.Counter[str] = collections.Counter()
        self.calm = False
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._http = httpx.Client(base_url=target, timeout=30, verify=False, trust_env=False)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.close()

    def _drawn(self, chance: float, what: str) -> bool:
        with self._lock:
            hit = not self.calm and self._chance.random() < chance
            if hit:
                self.done[what] += 1
            return hit

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = network.carry(self.command, self.path, dict(self.headers), body)
                self.close_connection = answer is None
                if answer is None:
                    return
                with contextlib.suppress(OSError):  # whoever asked is gone
                    self.send_response(answer.status_code)
                    for name, text in answer.headers.items():
                        if name.lower() not in HOP:
                            self.send_header(name, text)
                    self.send_header("Content-Length", str(len(answer.content)))
                    self.end_headers()
                    self.wfile.write(answer.content)

            do_GET = do_POST = do_PUT = _pass_on  # noqa: N815 - the names that http.server asks for

            def log_message(self, *_args: object) -> None:
                return

        return Handler

    def carry(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> httpx.Response | None:
        """The answer, or None for a connection that breaks."""
        if self._drawn(UNHEARD, "requests lost"):
            return None
        if self._drawn(LATE, "requests late"):
            time.sleep(0.5)
        kept = {name: text for name, text in headers.items() if name.lower() not in HOP}
        last = next((word for word in reversed(path.split("/")) if word in REPEATED), "")
        times = AT_ONCE if self._drawn(REPEATED.get(last, 0.0), f"{last} repeated at once") else 1
        answers = self._at_once(times, method, path, kept, body)
        if self._drawn(LOST, "answers lost") or not answers:
            return None
        return answers[0]

    def _at_once(self, times: int, *request: Any) -> list[httpx.Response]:
        """The same request so many times side by side; the answers in the order in which they came."""
        answers: list[httpx.Response] = []

        def send() -> None:
            method, path, headers, body = request
            with contextlib.suppress(httpx.HTTPError):
                answers.append(self._http.request(method, path, headers=headers, content=body))

        threads = [threading.Thread(target=send, daemon=True) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers
