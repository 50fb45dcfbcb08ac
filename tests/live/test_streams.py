"""Slow clients, other servers, and the end of the process."""

from __future__ import annotations

import asyncio
import http.client
import signal
import socket
import time

import pytest

from live.asgi import HELLO, Live, LiveSettings
from live.protocol import Message
from live.publish import Publisher
from live.stream import BACKLOG_MESSAGES
from tests.live.client import SECRET, WAIT_S, Broker, HubProcess, Listener, StartHub
from tests.live.site import site

EVENT_BYTES = 200_000
EVENTS = 200  # together far more than kernel buffers and backlog hold


def stalled_client(hub: HubProcess, *, receive_buffer: int = 4096) -> socket.socket:
    """Connects, asks, and does not read; it is listening when this returns."""
    client = socket.socket()
    client.settimeout(WAIT_S)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect(("127.0.0.1", hub.port))
    client.sendall(b"GET /live/board.1?v=1-1 HTTP/1.1\r\nHost: x\r\n\r\n")
    while HELLO not in client.recv(2048, socket.MSG_PEEK):
        pass
    return client


def read_to_the_end(client: socket.socket) -> bytes:
    received = bytearray()
    try:
        while data := client.recv(1 << 20):
            received += data
    except ConnectionResetError:
        pass
    return bytes(received)


@pytest.mark.parametrize("wrap_send", [False, True], ids=["direct", "by task"])
def test_a_slow_reader_is_closed_and_the_others_get_everything(
    start_hub: StartHub, publisher: Publisher, *, wrap_send: bool
) -> None:
    assert EVENTS > 2 * BACKLOG_MESSAGES
    publisher.publish("board.1", 1, 1, "board", {})
    hub = start_hub(wrap_send=wrap_send)
    reader = hub.listen("board.1")
    reader.next()
    slow = stalled_client(hub)
    text = "x" * EVENT_BYTES
    for version in range(2, EVENTS + 2):
        publisher.publish("board.1", 1, version, "board", {"text": text})
        assert reader.next().id == f"1-{version}"
    got = read_to_the_end(slow)  # ends, so it was closed
    slow.close()
    assert got.count(b"id: 1-") < EVENTS
    assert got.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("wrap_send", [False, True], ids=["direct", "by task"])
def test_a_reader_that_only_pauses_misses_nothing(
    start_hub: StartHub, publisher: Publisher, *, wrap_send: bool
) -> None:
    publisher.publish("board.1", 1, 1, "board", {})
    hub = start_hub(wrap_send=wrap_send)
    witness = hub.listen("board.1")
    witness.next()
    # Large enough to empty the backlog quickly afterwards, too small for all the events.
    paused = stalled_client(hub, receive_buffer=1 << 18)
    text = "x" * EVENT_BYTES
    events = BACKLOG_MESSAGES // 2
    for version in range(2, events + 2):
        publisher.publish("board.1", 1, version, "board", {"text": text})
        witness.next()
    response = http.client.HTTPResponse(paused)
    response.begin()
    ids: list[str] = []
    while len(ids) < events:
        line = response.readline()
        assert line, "the stream ended"
        if line.startswith(b"id: "):
            ids.append(line.decode().strip().removeprefix("id: "))
    assert ids == [f"1-{version}" for version in range(2, events + 2)]
    paused.close()
    response.close()


@pytest.mark.parametrize("options", [{"http_parser": "h11"}, {"wrap_send": True}], ids=["h11", "by task"])
def test_another_server_gives_the_same_stream(
    start_hub: StartHub, publisher: Publisher, options: dict[str, object]
) -> None:
    publisher.publish("board.1", 1, 1, "board", {})
    listener = start_hub(**options).listen("board.1")
    assert listener.next().name == "reset"
    for version in range(2, 50):
        publisher.publish("board.1", 1, version, "board", {"v": version})
    assert [listener.next().json["v"] for _ in range(48)] == list(range(2, 50))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_quickly_with_500_open_streams(
    start_hub: StartHub, number: signal.Signals
) -> None:
    hub = start_hub()
    listeners: list[Listener] = [hub.listen(f"board.{count % 7}") for count in range(500)]
    for listener in listeners:
        listener.next()
    started = time.monotonic()
    hub.process.send_signal(number)
    hub.process.wait(WAIT_S)
    took_s = time.monotonic() - started
    assert took_s < 8
    for listener in listeners:
        assert listener.ended.wait(WAIT_S)


def test_a_client_that_does_not_read_does_not_hold_up_the_end(
    start_hub: StartHub, publisher: Publisher
) -> None:
    publisher.publish("board.1", 1, 1, "board", {})
    hub = start_hub()
    witness = hub.listen("board.1")
    witness.next()
    slow = stalled_client(hub)
    for version in range(2, 52):
        publisher.publish("board.1", 1, version, "board", {"text": "x" * EVENT_BYTES})
        witness.next()
    started = time.monotonic()
    hub.terminate()
    hub.process.wait(WAIT_S)
    assert time.monotonic() - started < 8
    slow.close()


def test_a_hub_that_ends_refuses_newcomers_with_a_word(broker: Broker) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def ask_after_the_end() -> None:
        live = Live(site, LiveSettings(redis_url=broker.url, secret=SECRET))
        await live.close()
        scope = {"type": "http", "path": "/live/board.1", "method": "GET", "query_string": b"", "headers": []}
        await live(scope, receive, send)

    asyncio.run(ask_after_the_end())
    assert sent[0]["status"] == 503
    assert (b"retry-after", b"2") in sent[0]["headers"]


def test_a_quiet_stream_is_kept_alive(start_hub: StartHub) -> None:
    listener = start_hub(keep_alive_s=0.2).listen("board.1")
    deadline = time.monotonic() + WAIT_S
    while listener.raw.count(b": keep-alive\n") < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
