"""Many spectators of one topic in one process: `python -m benchmarks.live_spectators PORT COUNT TOPIC HELD`.

Says "connected" when all streams are open, ends when its stdin does, and then prints what it saw as JSON. Each
spectator checks the continuity of what it gets; latency is from the stamp in the event (`t`, CLOCK_MONOTONIC in ns,
taken before publishing) to the moment the bytes are here, so it is valid on one machine only.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import resource
import sys
import time
from typing import cast

import uvloop

ADDRESSES = (
    100  # loopback source addresses: the hub caps streams per address, a port range holds about 28,000
)
CONNECT_AT_ONCE = 50
OPEN_S = 30.0
EVENT = re.compile(rb'id: [0-9A-Za-z]+-(\d+)\nevent: (\w+)\ndata: (?:\{"v":\d+,"t":(\d+))?')


@dataclasses.dataclass
class Tally:
    latencies_ns: list[int] = dataclasses.field(default_factory=list)
    missed: int = 0
    duplicate: int = 0
    resets: int = 0
    closed: int = 0
    refused: int = 0
    ending: bool = False


class Spectator(asyncio.Protocol):
    def __init__(self, tally: Tally, request: bytes, held: int) -> None:
        self._tally = tally
        self._request = request
        self._held = held
        self._rest = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        data = self._rest + data
        if not self.opened.done():
            self._tally.refused += not data.startswith(b"HTTP/1.1 200")
            self.opened.set_result(None)
        end = data.rfind(b"\n\n") + 2
        self._rest = data[end:] if end > 1 else data
        for found in EVENT.finditer(data, 0, end if end > 1 else 0):
            self._count(int(found[1]), found[2], found[3], now)

    def _count(self, version: int, name: bytes, stamp: bytes | None, now: int) -> None:
        if name == b"reset":
            self._tally.resets += 1
        elif version <= self._held:
            self._tally.duplicate += 1
        else:
            self._tally.missed += version - self._held - 1
            self._tally.latencies_ns.append(now - int(stamp or 0))
        self._held = max(self._held, version)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.closed += not self._tally.ending
        if not self.opened.done():
            self.opened.set_result(None)


async def watch(port: int, count: int, topic: str, held: int) -> None:
    loop = asyncio.get_running_loop()
    tally = Tally()
    request = f"GET /live/{topic}?v=1-{held} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    gate = asyncio.Semaphore(CONNECT_AT_ONCE)

    async def open_one(number: int) -> None:
        async with gate:
            source = (f"127.0.1.{number % ADDRESSES + 1}", 0)
            _, spectator = await loop.create_connection(
                lambda: Spectator(tally, request.encode(), held), "127.0.0.1", port, local_addr=source
            )
            await asyncio.wait_for(spectator.opened, OPEN_S)

    await asyncio.gather(*(open_one(number) for number in range(count)))
    print("connected", flush=True)
    cpu_before = time.process_time()
    await loop.run_in_executor(None, sys.stdin.read)
    tally.ending = True
    report = dataclasses.asdict(tally)
    del report["ending"]
    print(json.dumps(report | {"cpu_s": time.process_time() - cpu_before}), flush=True)


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(watch(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
