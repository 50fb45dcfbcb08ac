"""Inputs by their hash: fetched once, hard-linked into run directories, evicted when nobody uses them.

Theory of operation. A cached file lies at <root>/<aa>/<sha256>, mode 0444. It gets there only whole: streamed
into <root>/tmp/, hashed on the way, synced, renamed. A run gets a hard link of it in its own directory, made
under the same lock that eviction holds; so the file system itself counts who uses a file (st_nlink > 1), that
count survives a kill -9 of the agent, and a file in use is never evicted. One agent owns the directory (see
the lock in __main__), so what lies in tmp/ at start is rubbish.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import structlog

log = structlog.get_logger()

SHA256 = re.compile(r"[0-9a-f]{64}")
Opener = Callable[[], AbstractContextManager[Iterable[bytes]]]


class BadInput(Exception):
    """What was downloaded is not what the site announced."""


@dataclasses.dataclass(slots=True)
class _Entry:
    size: int
    used_at: float


class InputCache:
    """A directory of at most `max_bytes`, unless files in use alone are more. Safe for many threads."""

    def __init__(self, root: Path, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._lock = threading.Lock()  # guards _entries, _coming, linking and evicting
        self._coming = 0  # bytes of downloads under way
        self._fetching: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._temporary = root / "tmp"
        self._temporary.mkdir(parents=True, exist_ok=True)
        for rubbish in self._temporary.iterdir():
            rubbish.unlink()
        self._entries = dict(self._scan())

    def place(self, sha256: str, size: int, target: Path, download: Opener) -> bool:
        """Make `target` a hard link of the file with this hash; True when it had to be downloaded.

        Raises BadInput when the download has another hash or size, and whatever `download` raises.
        """
        if not SHA256.fullmatch(sha256):
            raise BadInput(f"not a hash: {sha256!r}")
        with self._lock:
            fetching = self._fetching[sha256]
        with fetching:  # two slots that need the same file download it once
            if self._link(sha256, size, target):
                return False
            self._reserve(size)
            temporary = self._temporary / f"{sha256}.{secrets.token_hex(4)}"
            try:
                _receive(temporary, sha256, size, download)
                with self._lock:
                    self._path(sha256).parent.mkdir(exist_ok=True)
                    target.unlink(missing_ok=True)
                    target.hardlink_to(temporary)  # in use from its first moment in the cache
                    temporary.rename(self._path(sha256))
                    self._entries[sha256] = _Entry(size, time.time())
                    self._coming -= size
                    size = 0
                _sync_directory(self._path(sha256).parent)
            finally:
                temporary.unlink(missing_ok=True)
                with self._lock:
                    self._coming -= size
            return True

    def trim(self) -> None:
        """Evict what runs that have ended held beyond the bound."""
        with self._lock:
            self._evict()

    def size(self) -> int:
        """Bytes of all files kept."""
        with self._lock:
            return sum(entry.size for entry in self._entries.values())

    def _link(self, sha256: str, size: int, target: Path) -> bool:
        path = self._path(sha256)
        with self._lock:
            if sha256 not in self._entries:
                return False
            try:
                if path.stat().st_size != size:
                    raise FileNotFoundError  # noqa: TRY301  a damaged file is as good as none
                target.unlink(missing_ok=True)
                target.hardlink_to(path)
            except FileNotFoundError:
                del self._entries[sha256]
                path.unlink(missing_ok=True)
                return False
            self._entries[sha256].used_at = time.time()
            os.utime(path)
            return True

    def _reserve(self, coming: int) -> None:
        """Make room for a download of `coming` bytes beside those that are under way."""
        with self._lock:
            self._coming += coming
            self._evict()

    def _evict(self) -> None:
        """Keep to the bound: the longest unused goes first, never one that a run has linked. Under the lock."""
        total = self._coming + sum(entry.size for entry in self._entries.values())
        for sha256, entry in sorted(self._entries.items(), key=lambda item: item[1].used_at):
            if total <= self._max_bytes:
                return
            if self._in_use(sha256):
                continue
            self._path(sha256).unlink(missing_ok=True)
            del self._entries[sha256]
            self._fetching.pop(sha256, None)
            total -= entry.size
        if total > self._max_bytes:
            log.warning("cache full of files in use", bytes=total, max_bytes=self._max_bytes)

    def _in_use(self, sha256: str) -> bool:
        try:
            return self._path(sha256).stat().st_nlink > 1
        except FileNotFoundError:
            return False

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256

    def _scan(self) -> Iterator[tuple[str, _Entry]]:
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            status = path.stat()
            yield path.name, _Entry(status.st_size, status.st_mtime)


def _receive(path: Path, sha256: str, size: int, download: Opener) -> None:
    digest = hashlib.sha256()
    received = 0
    with path.open("wb") as file, download() as pieces:
        for piece in pieces:
            received += len(piece)
            if received > size:
                raise BadInput(f"input {sha256} is longer than the announced {size} bytes")
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fchmod(file.fileno(), 0o444)
        os.fsync(file.fileno())
    if received != size or digest.hexdigest() != sha256:
        raise BadInput(f"input {sha256} arrived damaged: {received} of {size} bytes")


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
