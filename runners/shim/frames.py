"""The byte stream of an attached container: frames of a header of eight bytes (stream, length) and their content."""

from __future__ import annotations

import select
import socket
import time

_HEADER = 8
_READ = 1 << 16


class Frames:
    """What the container writes to stdout and stderr, in the order of the daemon's frames."""

    def __init__(self, stream: socket.socket) -> None:
        stream.settimeout(0)
        self._stream = stream
        self._head = b""
        self._left = 0  # of the frame that is being read
        self._until = 0.0

    def fileno(self) -> int:
        return self._stream.fileno()

    def finish_within(self, seconds: float) -> None:
        """From now on `read` waits for the end, at most so long: every writer is dead, and the rest is on its way."""
        self._until = time.monotonic() + seconds

    def read(self, most: int) -> bytes | None:
        """See Drainable. After `finish_within` as much as is asked for, or all that there is."""
        found = bytearray()
        while len(found) < most:
            try:
                chunk = self._stream.recv(min(_READ, most - len(found) + _HEADER))
            except BlockingIOError:
                if not self._wait(waits=bool(self._until)):
                    break
                continue
            except ConnectionError:
                chunk = b""
            if not chunk:
                return bytes(found)
            found += self._content(chunk)
        if found or not self._until:
            return bytes(found) or None
        return b""

    def line(self, within_s: float) -> bytes:
        """The first line of a stream of which nothing was read yet; what there is of one when time is up."""
        found, deadline = b"", time.monotonic() + within_s
        while not found.endswith(b"\n"):
            # Byte by byte where it matters: what follows the line is the program's.
            ready, _, _ = select.select([self._stream], [], [], max(0.0, deadline - time.monotonic()))
            if not ready or not (chunk := self._stream.recv(min(self._left, 1) or _HEADER - len(self._head))):
                break
            found += self._content(chunk)
        return found

    def close(self) -> None:
        self._stream.close()

    def _wait(self, *, waits: bool) -> bool:
        if not waits:
            return False
        ready, _, _ = select.select([self._stream], [], [], max(0.0, self._until - time.monotonic()))
        return bool(ready)

    def _content(self, chunk: bytes) -> bytes:
        found, rest = b"", memoryview(chunk)
        while rest:
            if self._left:
                found += rest[: self._left]
                taken = min(self._left, len(rest))
                self._left -= taken
            else:
                taken = min(_HEADER - len(self._head), len(rest))
                self._head += rest[:taken]
                if len(self._head) == _HEADER:
                    self._left, self._head = int.from_bytes(self._head[4:], "big"), b""
            rest = rest[taken:]
        return found
