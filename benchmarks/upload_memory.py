"""What the web process needs while files are handed in. `python -m benchmarks.upload_memory [--parallel 20]`

Runs the real stack (tests.stack) with the limit raised to 256 MB and hands in predictions of 1 MB, 50 MB and 200 MB,
then many of 50 MB at once. For each it gives the web process's memory above what it had before (the peak while the
upload ran, and what stayed), the peak of what it spooled to disk, and the time beside that of writing and syncing
as many bytes to the same disk. Prints JSON; the exit status is 1 when 200 MB need more than FLAT_MB above 1 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import httpx
import psutil

from tests.stack import Stack, running_stack

MIB = 1 << 20
FLAT_MB = 24
LIMIT_MB = 256
BOUNDARY = "----podium"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="big.csv"\r\n'
    "Content-Type: text/csv\r\n\r\n"
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
PIECE = b"1,0\n" * (MIB // 4)


class Watch:
    """The highest memory and spooled bytes of a process while the block runs."""

    def __init__(self, process: psutil.Process) -> None:
        self.process = process
        self.before = process.memory_info().rss
        self.memory = self.spooled = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        folder = Path(f"/proc/{self.process.pid}/fd")
        while not self._done.wait(0.005):
            self.memory = max(self.memory, self.process.memory_info().rss)
            total = 0
            for link in folder.iterdir():
                with contextlib.suppress(OSError):
                    if str(link.readlink()).endswith("(deleted)"):
                        total += link.stat().st_size
            self.spooled = max(self.spooled, total)

    def as_json(self) -> dict[str, float]:
        stayed = self.process.memory_info().rss - self.before
        return {
            "peak_mb": round((self.memory - self.before) / MIB, 1),
            "stayed_mb": round(stayed / MIB, 1),
            "spooled_mb": round(self.spooled / MIB),
        }


def form(size: int, mark: int) -> Iterator[bytes]:
    yield HEAD
    yield b"%08d" % mark + PIECE[8:]
    for _ in range(size // MIB - 1):
        yield PIECE
    yield TAIL


def hand_in(stack: Stack, size: int, mark: int) -> float:
    """Hand one file in; the seconds until the answer."""
    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(HEAD) + size + len(TAIL)),
    }
    with stack.client() as client:
        client.timeout = httpx.Timeout(300)
        began = time.perf_counter()
        answer = client.post("/api/v1/contests/tiny/submissions/", content=form(size, mark), headers=headers)
        took = time.perf_counter() - began
    if answer.status_code != httpx.codes.CREATED:
        raise RuntimeError(f"{answer.status_code}: {answer.text}")
    return took


def bare_s(folder: Path, size: int) -> float:
    """Writing and syncing as much to the same disk."""
    began = time.perf_counter()
    with (folder / "bare").open("wb") as file:
        for _ in range(size // MIB):
            file.write(PIECE)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - began


def one(stack: Stack, megabytes: int, mark: int) -> dict[str, float]:
    web = psutil.Process(stack.pid("web"))
    with Watch(web) as watch:
        took = hand_in(stack, megabytes * MIB, mark)
    bare = bare_s(stack.var, megabytes * MIB)
    return watch.as_json() | {"s": round(took, 2), "bare_s": round(bare, 2), "ratio": round(took / bare, 1)}


def many(stack: Stack, megabytes: int, count: int) -> dict[str, float]:
    web = psutil.Process(stack.pid("web"))
    began = time.perf_counter()
    with Watch(web) as watch, ThreadPoolExecutor(count) as threads:
        list(threads.map(lambda n: hand_in(stack, megabytes * MIB, 1000 + n), range(count)))
    took = time.perf_counter() - began
    bare = bare_s(stack.var, megabytes * count * MIB)
    return watch.as_json() | {"s": round(took, 2), "bare_s": round(bare, 2), "ratio": round(took / bare, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parallel", type=int, default=20, help="uploads of 50 MB at once; 0: none")
    count = parser.parse_args().parallel
    with (
        tempfile.TemporaryDirectory(prefix="podium-bench-") as folder,
        running_stack(Path(folder), PODIUM_MAX_UPLOAD_MB=str(LIMIT_MB)) as stack,
    ):
        hand_in(stack, MIB, 0)  # what every process loads on its first upload
        result = {f"{size} MB": one(stack, size, size) for size in (1, 50, 200)}
        if count:
            result[f"{count} x 50 MB at once"] = many(stack, 50, count)
    json.dump(result | {"load_average": round(os.getloadavg()[0], 1)}, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return int(result["200 MB"]["peak_mb"] - result["1 MB"]["peak_mb"] > FLAT_MB)


if __name__ == "__main__":
    sys.exit(main())
