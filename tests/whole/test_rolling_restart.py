"""Web processes are stopped one after the other while people watch and hand in: nothing is missed, nothing is lost."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from live.publish import Publisher
from operations.instance import started_at
from tests.live.client import Listener
from tests.stack import PERFECT, ROOT, Stack, eventually, free_port

pytestmark = [pytest.mark.sandbox, pytest.mark.once, pytest.mark.timeout(600)]
SPECTATORS = 50
STOPS_WITHIN_S = 15.0
TOPIC = "board.987654"  # of no contest: only this test speaks there


@pytest.fixture
def second_web(stack: Stack) -> Iterator[int]:
    """Another web process of the same site, as behind a balancer; its port."""
    port = free_port()
    argv = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)]
    argv += ["--loop", "uvloop", "--http", "httptools", "--timeout-graceful-shutdown", "3", "--no-access-log"]
    process = subprocess.Popen(argv, cwd=ROOT, env=stack.environment)

    def ready() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == httpx.codes.OK
        return False

    try:
        eventually(ready, within_s=90, what="the second web process serves")
        yield port
    finally:
        process.terminate()
        process.wait(10)


class Spectator:
    """A browser: holds a stream, and when that ends connects again with the id of the last event it has."""

    def __init__(self, ports: list[int]) -> None:
        self.versions: list[int] = []
        self.resets = 0
        self.connections = 0
        self._ports = ports
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ending.is_set():
            for port in self._ports:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self._stay(port)
                if self._ending.wait(0.05):
                    return

    def _stay(self, port: int) -> None:
        headers = {"Last-Event-ID": f"1-{self.versions[-1]}"} if self.versions else {}
        with Listener(port, f"/live/{TOPIC}", headers) as stream:
            if stream.status != httpx.codes.OK:
                return
            self.connections += 1
            while not self._ending.is_set():
                event = stream.next_or_none(0.2)
                if event is None:
                    if stream.ended.is_set():
                        return
                elif event.name == "reset":
                    self.resets += bool(self.versions)  # before the first, a page holds nothing
                else:
                    self.versions.append(int(event.id.partition("-")[2]))

    def end(self) -> None:
        self._ending.set()
        self._thread.join(10)


class Speaker:
    """Publishes a board's versions, one after the other, until told to stop."""

    def __init__(self, redis_url: str) -> None:
        self.version = 0
        self._publisher = Publisher.from_url(redis_url)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def _speak(self) -> None:
        while not self._ending.wait(0.05):
            assert self._publisher.publish(TOPIC, 1, self.version + 1, "board", {"v": self.version + 1})
            self.version += 1

    def end(self) -> int:
        self._ending.set()
        self._thread.join(10)
        return self.version


def redis_url(stack: Stack) -> str:
    return stack.query("from django.conf import settings\nprint(settings.REDIS_URL, end='')")


def test_spectators_of_a_web_process_that_is_stopped_miss_no_event(stack: Stack, second_web: int) -> None:
    speaker = Speaker(redis_url(stack))
    there_already = Spectator([second_web])
    watching = [Spectator([stack.port, second_web]) for _ in range(SPECTATORS)]
    try:
        eventually(
            lambda: all(len(one.versions) > 3 for one in (*watching, there_already)),
            within_s=60,
            what="all watch",
        )
        pid = stack.pid("web")
        began, start = time.monotonic(), started_at(pid)
        stack.kill("web", signal.SIGTERM)
        eventually(lambda: started_at(pid) != start, within_s=20, what="the web process is gone")
        took = time.monotonic() - began
        stopped_at = speaker.version
        eventually(
            lambda: all(one.versions[-1] > stopped_at + 5 for one in watching),
            within_s=20,
            what="all watch again",
        )
        last = speaker.end()
        eventually(
            lambda: all(one.versions[-1] == last for one in watching), within_s=60, what="all have the last"
        )
    finally:
        speaker.end()
        for one in (*watching, there_already):
            one.end()
    stack.wait_restarted("web", pid, within_s=90)
    assert took < STOPS_WITHIN_S
    for one in watching:
        assert one.connections >= 2
        assert one.versions == list(range(one.versions[0], last + 1)), "an event was missed, or came twice"
        assert one.resets == 0, "it had to load the page again"


def test_an_upload_that_is_under_way_when_its_web_process_is_stopped_is_taken_in_once(
    stack: Stack, second_web: int
) -> None:
    with stack.client() as client:
        files = {"file": ("main.py", PERFECT + b"# slow\n" + b"#" * 50_000)}
        request = client.build_request(
            "POST",
            "/api/v1/contests/tiny/submissions/",
            files=files,
            headers={"Idempotency-Key": "rolling-1"},
        )
        body = request.read()
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=20)
    connection.putrequest("POST", request.url.path, skip_host=True)
    for name, text in request.headers.items():
        connection.putheader(name, text)
    connection.endheaders(body[:1000])
    pid = stack.pid("web")
    eventually(lambda: open_connections(pid) > 0, what="the web process has the request")
    stack.kill("web", signal.SIGTERM)
    connection.send(body[1000:])
    answer = connection.getresponse()
    assert answer.status == httpx.codes.CREATED
    with stack.client() as client:
        client.base_url = httpx.URL(f"http://127.0.0.1:{second_web}")
        again = client.post(
            "/api/v1/contests/tiny/submissions/", files=files, headers={"Idempotency-Key": "rolling-1"}
        )
    stack.wait_restarted("web", pid, within_s=90)
    first = answer.read().decode()
    assert again.json()["id"] in first
    assert stack.wait_verdict(again.json()["id"])["verdict"] == "SCORED"


def open_connections(pid: int) -> int:
    return sum(item.status == psutil.CONN_ESTABLISHED for item in psutil.Process(pid).net_connections("tcp"))
