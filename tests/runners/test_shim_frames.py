"""The byte stream of an attached container, cut wherever a socket may cut it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from runners.shim.frames import Frames


def _frame(content: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


@pytest.fixture(name="ends")
def _ends() -> Iterator[tuple[Frames, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Frames(ours), theirs


def test_content_comes_out_in_order_whatever_the_cuts(ends: tuple[Frames, socket.socket]) -> None:
    frames, daemon = ends
    content = _frame(b"one\n") + _frame(b"two\n", 2) + _frame(b"") + _frame(b"three")
    found = b""
    for position in range(len(content)):
        daemon.sendall(content[position : position + 1])
        found += frames.read(100) or b""
    assert found == b"one\ntwo\nthree"
    assert frames.read(100) is None
    daemon.close()
    assert frames.read(100) == b""


def test_the_first_line_takes_nothing_of_what_follows(ends: tuple[Frames, socket.socket]) -> None:
    frames, daemon = ends
    daemon.sendall(_frame(b"hel") + _frame(b"lo\nrest"))
    assert frames.line(within_s=5) == b"hello\n"
    assert frames.read(100) == b"rest"


def test_a_line_that_does_not_come_is_not_waited_for_without_end(ends: tuple[Frames, socket.socket]) -> None:
    frames, daemon = ends
    daemon.sendall(_frame(b"half a li"))
    assert frames.line(within_s=0.05) == b"half a li"
    daemon.close()
    assert frames.line(within_s=5) == b""


def test_at_the_end_the_rest_is_waited_for_and_no_longer(ends: tuple[Frames, socket.socket]) -> None:
    frames, daemon = ends
    daemon.sendall(_frame(b"last words"))
    frames.finish_within(0.05)
    assert frames.read(100) == b"last words"
    assert frames.read(100) == b""


def test_a_flood_is_taken_in_bounded_pieces(ends: tuple[Frames, socket.socket]) -> None:
    frames, daemon = ends
    daemon.sendall(_frame(b"x" * 50_000))
    assert len(frames.read(1000) or b"") == 1000
