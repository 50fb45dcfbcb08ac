"""Large files leave piece by piece: the web process stays small however many download at once."""

from __future__ import annotations

import threading

import httpx
import psutil
import pytest

from tests.stack import Stack, eventually

pytestmark = pytest.mark.timeout(300)
MIB = 1 << 20
SIZE = 150 * MIB


@pytest.mark.parametrize("path", ["api/v1/contests/hasty/data/large.bin", "contests/hasty/data.zip"])
def test_three_downloads_of_a_large_file_cost_no_memory(stack: Stack, path: str) -> None:
    stack.query(
        "from contests import blobs\n"
        "from contests.models import DataFile, TaskVersion\n"
        "v = TaskVersion.objects.get(task__phase__contest__slug='hasty')\n"
        f"blob = blobs.store(bytes([n]) * {MIB} for n in range({SIZE // MIB}))\n"
        "DataFile.objects.create(task_version=v, name='large.bin', blob=blob)\n"
    )
    web = psutil.Process(stack.pid("web"))
    before, sizes, peak = web.memory_info().rss, [], 0
    done = threading.Event()

    def download() -> None:
        with httpx.stream("GET", f"{stack.url}/{path}", timeout=60) as answer:
            got = sum(len(piece) for piece in answer.iter_bytes())
            sizes.append((got, int(answer.headers["Content-Length"])))

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, web.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    threads = [threading.Thread(target=download) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    watcher.join()
    stack.query("from contests.models import DataFile\nDataFile.objects.filter(name='large.bin').delete()\n")
    assert len(sizes) == 3
    # The zip holds the small files and its table of contents besides.
    assert all(got == told and SIZE <= got < SIZE + 10_000 for got, told in sizes)
    assert peak - before < 60 * MIB


def test_readers_who_hang_up_in_the_middle_leave_no_file_open(stack: Stack) -> None:
    web = psutil.Process(stack.pid("web"))

    def open_blobs() -> list[str]:
        return [file.path for file in web.open_files() if "/blobs/" in file.path]

    for _ in range(40):
        with httpx.stream("GET", f"{stack.url}/api/v1/contests/tiny/data/train.csv", timeout=20) as answer:
            assert answer.status_code == 200
    eventually(lambda: not open_blobs(), within_s=10, what="every blob is closed")
    assert "generator already executing" not in stack.log_of("web")
