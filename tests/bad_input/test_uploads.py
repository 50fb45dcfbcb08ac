"""Uploads that are too large, empty, broken off or sent twice: nothing of them is kept, and the site stays small."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import httpx
import psutil
import pytest

from tests.bad_input.site import (
    BOUNDARY,
    GOOD,
    MIB,
    as_chunk,
    in_chinese,
    is_judged_as_ever,
    kept,
    multipart,
    nothing_new_is_kept,
    post_raw,
    raw_upload,
    reader_of,
    text_of,
)
from tests.stack import PERFECT, Stack, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]
GIB = 1 << 30
LIMIT = 100 * MIB
DRAINED = 256 * MIB


class Watch:
    """The web process's memory and its unnamed files (where uploads are spooled), looked at all the time."""

    def __init__(self, stack: Stack) -> None:
        self.process = psutil.Process(stack.pid("web"))
        self.before = self.process.memory_info().rss
        self.memory = self.disk = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def spooled(self) -> int:
        folder = Path(f"/proc/{self.process.pid}/fd")
        total = 0
        for link in folder.iterdir():
            with contextlib.suppress(OSError):
                if str(link.readlink()).endswith("(deleted)"):
                    total += link.stat().st_size
        return total

    def _look(self) -> None:
        while not self._done.wait(0.01):
            self.memory = max(self.memory, self.process.memory_info().rss - self.before)
            self.disk = max(self.disk, self.spooled())


def send_on(connection: socket.socket, size: int, *, chunked: bool) -> int:
    """Send on regardless of any answer; how many bytes the site took before it hung up."""
    piece = b"1,0\n" * (MIB // 4)
    piece = as_chunk(piece) if chunked else piece
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < size:
            connection.sendall(piece)
            sent += MIB
    return sent


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_an_upload_of_a_gigabyte_is_cut_off_while_it_streams_in(site: Stack, *, announced: bool) -> None:
    before = kept(site)
    with Watch(site) as watch, raw_upload(site, announced=GIB if announced else None) as connection:
        sent = send_on(connection, GIB, chunked=not announced)
    assert sent < LIMIT + DRAINED + 64 * MIB  # what the sockets between us hold comes on top
    assert watch.memory < 40 * MIB
    assert watch.disk <= (0 if announced else LIMIT + 2 * MIB)
    eventually(lambda: watch.spooled() == 0, within_s=5, what="the spooled bytes are gone")
    nothing_new_is_kept(site, before)
    is_judged_as_ever(site)


@pytest.mark.parametrize("size", [GIB, 2 * GIB, 1 << 62])
def test_who_announces_too_much_is_answered_before_sending_it(site: Stack, size: int) -> None:
    with raw_upload(site, announced=size) as connection:
        answer = b""
        while not answer.endswith(b"}") and (piece := connection.recv(65_536)):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"limit of 100 MB. Nothing was kept." in answer


def test_a_script_of_ninety_megabytes_is_refused_by_its_own_limit(site: Stack) -> None:
    before = kept(site)
    refused = site.post(b"#" * (90 * MIB), filename="huge.py")
    assert refused.status_code == 413
    nothing_new_is_kept(site, before)
    assert refused.json()["detail"] == "The file is larger than the limit of 1 MB."
    assert in_chinese("The file is larger than the limit of %(limit)s MB.")


@pytest.mark.parametrize("name", ["empty.csv", "empty.py"])
def test_an_empty_file_is_refused(site: Stack, name: str) -> None:
    before = kept(site)
    refused = site.post(b"", filename=name)
    assert (refused.status_code, refused.json()["detail"]) == (400, "The file is empty.")
    nothing_new_is_kept(site, before)
    assert in_chinese("The file is empty.")


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("announced", [30 * MIB, None], ids=["announced", "chunked"])
def test_an_upload_that_breaks_off_leaves_nothing(site: Stack, how: str, announced: int | None) -> None:
    before = kept(site)
    watch = Watch(site)
    with raw_upload(site, announced=announced) as connection:
        send_on(connection, 10 * MIB, chunked=announced is None)
        eventually(lambda: watch.spooled() > 5 * MIB, within_s=10, what="the first bytes have arrived")
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eventually(lambda: watch.spooled() == 0, within_s=10, what="the spooled bytes are gone")
    nothing_new_is_kept(site, before)
    assert site.answers()


DEADLINE = """
from django.utils import timezone
from contests.models import Phase
Phase.objects.filter(contest__slug="exact").update(ends_at={at})
"""


def test_an_upload_that_the_deadline_overtakes_is_late_and_its_page_says_so(site: Stack) -> None:
    before = kept(site)
    whole = multipart(GOOD.encode(), b'filename="late.csv"')
    http = reader_of(site).http
    token = reader_of(site).csrf("/contests/exact/submit/")

    def overtaken() -> Iterator[bytes]:
        yield whole[:80]
        site.query(DEADLINE.format(at="timezone.now()"))
        yield whole[80:]

    form = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    try:
        asked = {**form, "X-CSRFToken": token, "Referer": site.url}
        page = http.post("/contests/exact/submit/", content=overtaken(), headers=asked)
        answer = post_raw(site, whole, contest="exact")
    finally:
        site.query(DEADLINE.format(at="None"))
    assert (answer.status_code, answer.json()["code"]) == (403, "closed")
    assert answer.json()["detail"].startswith("This contest does not take submissions now. It ended at ")
    said = text_of(page.text)
    assert "Nothing was handed in: what counts is the moment at which the whole file has arrived" in said
    assert "This contest does not take submissions any more." in said
    nothing_new_is_kept(site, before)
    assert site.post(GOOD.encode(), contest="exact", filename="in-time.csv").status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        multipart(PERFECT, b'filename="main.py"')[:-20],
        multipart(PERFECT, b'filename="main.py"', field=b"files"),
        multipart(PERFECT, b"")[:-4],
        multipart(PERFECT, b'filename=""'),
        b"\r\n" * 100_000,
    ],
    ids=["nothing", "text", "cut", "other field", "no name", "empty name", "line ends"],
)
def test_a_form_that_is_none_is_refused_with_a_sentence(site: Stack, body: bytes) -> None:
    before = kept(site)
    refused = post_raw(site, body)
    assert refused.status_code == 400, refused.text
    assert refused.json()["detail"]
    nothing_new_is_kept(site, before)


def test_two_uploads_at_once_with_one_key_are_one_submission(site: Stack) -> None:
    key = f"at-once-{os.urandom(6).hex()}"
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: site.post(PERFECT, key=key), range(8)))
    assert {answer.status_code for answer in answers} == {httpx.codes.CREATED}
    (identifier,) = {answer.json()["id"] for answer in answers}
    assert site.wait_verdict(identifier)["verdict"] == "SCORED"
    is_judged_as_ever(site)
