"""Uploads that are too large are stopped while they stream in, and the web process stays small."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.stack import Stack

pytestmark = pytest.mark.timeout(300)
BOUNDARY = "----podium"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="big.csv"\r\n'
    "Content-Type: text/csv\r\n\r\n"
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
MIB = 1 << 20


def form(size: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(size // MIB):
        yield b"1,0\n" * (MIB // 4)
    yield TAIL


def send(stack: Stack, size: int, *, announced: bool, language: str = "en") -> httpx.Response:
    headers = {"Accept-Language": language, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    if announced:
        headers["Content-Length"] = str(len(HEAD) + size // MIB * MIB + len(TAIL))
    with stack.client() as client:
        client.timeout = httpx.Timeout(60)
        return client.post("/api/v1/contests/tiny/submissions/", content=form(size), headers=headers)


@pytest.mark.parametrize("announced", [True, False])
def test_an_upload_beyond_the_limit_is_refused_with_a_sentence(stack: Stack, *, announced: bool) -> None:
    answer = send(stack, 150 * MIB, announced=announced)
    assert answer.status_code == 413
    assert "limit of 100 MB" in answer.json()["detail"]
    assert stack.answers()


def test_a_large_upload_is_kept_whole_and_the_web_process_stays_small(stack: Stack) -> None:
    web = psutil.Process(stack.pid("web"))
    before = web.memory_info().rss
    answer = send(stack, 90 * MIB, announced=True)
    assert answer.status_code == 201, answer.text
    assert web.memory_info().rss - before < 40 * MIB
    judged = stack.wait_verdict(answer.json()["id"])
    assert judged["verdict"] == "INVALID_OUTPUT"
    assert judged["runs"][0]["errors"]


def test_the_refusal_speaks_chinese_to_those_who_do(stack: Stack) -> None:
    answer = send(stack, 150 * MIB, announced=True, language="zh-CN")
    assert answer.status_code == 413
    assert "100 MB 的上限" in answer.json()["detail"]
