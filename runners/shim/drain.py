"""The run's log: everything the program writes is read at once, the first part is kept.

The pipe never blocks the program: beyond the kept bytes we read, count and drop. An honest program with
progress bars writes some MiB an hour; FLOOD_BYTES and 64 times the kept size lie far beyond, and a program
that gets there only burns our CPU, which no limit of its own counts.
"""

from __future__ import annotations

import os
from pathlib import Path

from runners.shim.body import Drainable

FLOOD_BYTES = 64 << 20
_FLOOD_TIMES = 64
_READ = 1 << 18
_READS_AT_ONCE = 16


class Pipe:
    """The reading end of a pipe, as a stream."""

    def __init__(self, reading: int) -> None:
        os.set_blocking(reading, False)
        self._reading = reading

    def fileno(self) -> int:
        return self._reading

    def read(self, most: int) -> bytes | None:
        try:
            return os.read(self._reading, most)
        except BlockingIOError:
            return None

    def close(self) -> None:
        os.close(self._reading)


class Drain:
    """Reads a stream into a file, at most `keep` bytes and one marker line."""

    def __init__(self, stream: Drainable, path: Path, keep: int) -> None:
        self.stream = stream
        self.keep = keep
        self.seen = 0
        self.closed = False
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    @property
    def truncated(self) -> bool:
        return self.seen > self.keep

    @property
    def flooded(self) -> bool:
        return self.seen > FLOOD_BYTES + _FLOOD_TIMES * self.keep

    def read(self) -> None:
        """Take what is there, up to a few MiB, so that a flood cannot keep the caller from its deadlines."""
        for _ in range(_READS_AT_ONCE):
            chunk = self.stream.read(_READ)
            if chunk is None:
                return
            if not chunk:
                self.closed = True
                return
            self._keep(chunk)

    def finish(self) -> None:
        """Read the rest, which is at most one pipe's buffer now that every writer is dead."""
        self.read()
        os.fsync(self._file)
        os.close(self._file)
        self.stream.close()

    def _keep(self, chunk: bytes) -> None:
        room = self.keep - self.seen
        was_truncated = self.truncated
        self.seen += len(chunk)
        if room > 0:
            os.write(self._file, chunk[:room])
        if self.truncated and not was_truncated:
            marker = f"\n[Podium] log limit of {self.keep // 1024} KB reached; further output is dropped\n"
            os.write(self._file, marker.encode())
