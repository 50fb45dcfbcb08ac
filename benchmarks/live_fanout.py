"""What a spectator costs: `python -m benchmarks.live_fanout [--spectators 2000] [--seconds 20] [--asgi module:app]`.

Starts a broker, one uvicorn process and one client process, publishes one event a second on schedule whatever the
server does, and prints one JSON object. Exit status 1 when an event was missed, doubled or replaced by a reset, a
stream was closed, or a delivery cost more than `--most-us` of server CPU. README.md beside this file explains it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from live.publish import Publisher
from tests.valkey import running_valkey

ROOT = Path(__file__).resolve().parent.parent
TOPIC = "board.999999999"
ROWS = 17  # changed rows in each event, which makes it about 930 bytes
START_S = 60.0
SETTLE_S = 2.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pinned(cpu: int, arguments: list[str]) -> list[str]:
    """Server and client on a core each, where there are two: else they measure each other."""
    return ["taskset", "-c", str(cpu), *arguments] if (os.cpu_count() or 1) > 1 else arguments


@contextlib.contextmanager
def server(asgi: str, redis_url: str) -> Iterator[tuple[psutil.Process, int]]:
    port = free_port()
    options = [
        "--port",
        str(port),
        "--no-access-log",
        "--log-level",
        "warning",
        "--timeout-graceful-shutdown",
        "3",
    ]
    process = subprocess.Popen(
        pinned(0, [sys.executable, "-m", "uvicorn", asgi, *options]),
        cwd=ROOT,
        env=os.environ | {"PODIUM_REDIS_URL": redis_url},  # noqa: TID251 - handed on to the server
    )
    try:
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.05)
        yield psutil.Process(process.pid), port
    finally:
        process.terminate()
        process.wait(10)


def publish_on_schedule(publisher: Publisher, seconds: int, first_version: int) -> int:
    """One event a second; returns the bytes of one."""
    rows = [[1000 + n, n + 1, f"Team number {n}", 0.98765, 12, "2026-11-21T21:00:00Z"] for n in range(ROWS)]
    data: dict[str, Any] = {}
    started = time.monotonic()
    for tick in range(seconds):
        time.sleep(max(0.0, started + tick - time.monotonic()))
        data = {"v": first_version + tick, "t": time.monotonic_ns(), "changed": rows, "removed": []}
        if not publisher.publish(TOPIC, 1, first_version + tick, "board", data):
            raise RuntimeError("the broker is gone")
    return len(json.dumps(data, separators=(",", ":")))


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(arguments: argparse.Namespace, redis_url: str) -> dict[str, Any]:
    publisher = Publisher.from_url(redis_url)
    publisher.publish(TOPIC, 1, 1, "board", {"v": 1})
    with server(arguments.asgi, redis_url) as (process, port):
        time.sleep(SETTLE_S)
        rss, cpu = process.memory_info().rss, cpu_s(process)
        client_arguments = [str(port), str(arguments.spectators), TOPIC, "1"]
        client = subprocess.Popen(
            pinned(1, [sys.executable, "-m", "benchmarks.live_spectators", *client_arguments]),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert client.stdin is not None
        assert client.stdout is not None
        if client.stdout.readline() != b"connected\n":
            raise RuntimeError("the spectators could not connect")
        connect_ms = 1e3 * (cpu_s(process) - cpu) / arguments.spectators
        time.sleep(SETTLE_S)
        kib = (process.memory_info().rss - rss) / 1024 / arguments.spectators
        cpu, started = cpu_s(process), time.monotonic()
        event_bytes = publish_on_schedule(publisher, arguments.seconds, 2)
        time.sleep(SETTLE_S)
        cpu, wall = cpu_s(process) - cpu, time.monotonic() - started
        seen = json.loads(client.communicate()[0])
    latencies = [ns / 1e6 for ns in seen.pop("latencies_ns")]
    expected = arguments.spectators * arguments.seconds
    cuts = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
    return {
        "spectators": arguments.spectators,
        "events": arguments.seconds,
        "event_bytes": event_bytes,
        "deliveries": len(latencies),
        "missed": seen["missed"] + max(0, expected - len(latencies) - seen["missed"]),
        **{name: seen[name] for name in ("duplicate", "resets", "closed", "refused")},
        "server_cpu_us_per_delivery": round(1e6 * cpu / max(1, len(latencies)), 1),
        "server_cpu_ms_per_connect": round(connect_ms, 3),
        "server_kib_per_connection": round(kib, 1),
        "latency_ms": {
            "p50": round(cuts[49], 1),
            "p99": round(cuts[98], 1),
            "max": round(max(latencies, default=0), 1),
        },
        "client_cpu_share": round(seen["cpu_s"] / wall, 2),
        "asgi": arguments.asgi,
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "uvicorn": importlib.metadata.version("uvicorn"),
        "uvloop": importlib.metadata.version("uvloop"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spectators", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument(
        "--asgi", default="benchmarks.live_app:app", help="config.asgi:application for the whole site"
    )
    parser.add_argument("--redis-url", help="the broker that the site uses; default: one of its own")
    parser.add_argument("--most-us", type=float, default=40.0, help="server CPU per delivery, microseconds")
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the children inherit it
    with contextlib.ExitStack() as stack:
        if arguments.redis_url is None:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="live"))
            arguments.redis_url = stack.enter_context(running_valkey(Path(directory)))
        result = measure(arguments, arguments.redis_url)
    print(json.dumps(result, indent=2))
    faults = [name for name in ("missed", "duplicate", "resets", "closed", "refused") if result[name]]
    return int(bool(faults) or result["server_cpu_us_per_delivery"] > arguments.most_us)


if __name__ == "__main__":
    sys.exit(main())
