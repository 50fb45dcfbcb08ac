"""Where blobs lie: a folder of this machine, or an S3-compatible store. contests.blobs decides what is kept.

Theory of operation. Bytes on their way in are spooled to a file below PODIUM_BLOBS and hashed; only when they are
whole and right does a store get that file, with its name: the SHA-256. `keep` returns when the bytes would survive
a power cut there, and a database row is written after that, so a row never names bytes that a crash could take back.
Either store shows an object whole or not at all: the folder by rename, S3 because that is how a PUT is defined.

An S3 request is signed with the SHA-256 of its body (not "UNSIGNED-PAYLOAD"), so bytes that were changed on the way
are refused by the server. Nothing is presigned: such an address is as good as the file for whoever learns it, and a
solution must never leave but by us. A store that does not answer is StoreAway, which is HTTP 503: whoever sent
something still has it and sends it again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

CHUNK = 1 << 20
INCOMING = "incoming-"
NAME = re.compile(r"[0-9a-f]{64}")


class StoreAway(OSError):
    """The store does not answer, or not as it should: try again later. Nothing was kept or lost."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """A whole file in the store. `changed`: seconds since 1970."""

    sha256: str
    size: int
    changed: float


class Store(Protocol):
    """Missing files are FileNotFoundError; a store that is away is StoreAway."""

    def prepare(self) -> None:
        """Make what has to be there before the first file, where that may be done."""
        ...

    def keep(self, spooled: Path, sha256: str) -> None:
        """Take a spooled and synced file in, durably. Harmless to repeat. The file may be gone afterwards."""
        ...

    def holds(self, sha256: str) -> bool: ...

    def changed(self, sha256: str) -> float | None:
        """When it was last written, in seconds of the epoch; None where it is not."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """The bytes from the beginning to the end; not every store's can seek."""
        ...

    def seekable(self, sha256: str) -> BinaryIO:
        """The bytes in a file that can seek."""
        ...

    def kept(self) -> Iterator[Kept]: ...

    def remove(self, sha256: str) -> None:
        """Harmless when it is not there."""
        ...

    def probe(self) -> None:
        """Write a few bytes durably and delete them again. Raises OSError."""
        ...

    def space_left(self) -> int | None:
        """In bytes, where the store knows."""
        ...


@functools.cache
def _bucket(chosen: tuple[str, str, str, str, str]) -> Store:
    # By name: importing an S3 client takes a third of a second, which sites with a folder need not pay.
    store: Store = import_string("contests.bucket.Bucket")(*chosen)
    return store


def chosen() -> Store:
    """The store that the settings name."""
    if settings.PODIUM_S3 is None:
        return Folder(Path(settings.PODIUM_BLOBS))
    return _bucket(settings.PODIUM_S3)


def path_of(sha256: str) -> Path:
    return Path(settings.PODIUM_BLOBS) / sha256[:2] / sha256


class Folder:
    """Files in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def prepare(self) -> None:
        self._root.mkdir(parents=True, exist_ok=True)

    def keep(self, spooled: Path, sha256: str) -> None:
        target = self._path(sha256)
        try:
            target.parent.mkdir()
        except FileExistsError:
            pass
        else:
            _sync(target.parent.parent)
        spooled.chmod(0o440)
        spooled.replace(target)
        _sync(target.parent)  # the rename itself must survive a power cut

    def holds(self, sha256: str) -> bool:
        return self._path(sha256).exists()

    def changed(self, sha256: str) -> float | None:
        try:
            return self._path(sha256).stat().st_mtime
        except FileNotFoundError:
            return None

    def open(self, sha256: str) -> BinaryIO:
        try:
            return self._path(sha256).open("rb")
        except FileNotFoundError:
            if next(self._root.glob("[0-9a-f][0-9a-f]"), None) is None:
                # Not one lost file, for which a job would end: a disk that is not mounted.
                raise StoreAway(f"{self._root} holds nothing at all: is its disk mounted?") from None
            raise

    def seekable(self, sha256: str) -> BinaryIO:
        return self.open(sha256)

    def kept(self) -> Iterator[Kept]:
        for path in sorted(self._root.glob("[0-9a-f][0-9a-f]/*")):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                if NAME.fullmatch(path.name):
                    status = path.stat()
                    yield Kept(path.name, status.st_size, status.st_mtime)

    def remove(self, sha256: str) -> None:
        self._path(sha256).unlink(missing_ok=True)

    def probe(self) -> None:
        with tempfile.NamedTemporaryFile(dir=self._root, prefix=INCOMING) as file:
            file.write(b"probe")
            file.flush()
            os.fsync(file.fileno())

    def space_left(self) -> int | None:
        return shutil.disk_usage(self._root).free

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
