"""The blob store: files by the SHA-256 of their content.

A blob is on disk, synced, before its row exists: a database row never names bytes that a crash could take back.
The same content is stored once; a second writer of the same bytes finds them there.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from contests.models import Blob

CHUNK = 1 << 20
INCOMING = "incoming-"


class TooLarge(Exception):
    """More bytes arrived than the caller allowed; nothing was kept."""


def path_of(sha256: str) -> Path:
    return Path(settings.PODIUM_BLOBS) / sha256[:2] / sha256


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece


class WrongDigest(Exception):
    """The bytes are not those that were announced; nothing was kept."""


def write(pieces: Iterable[bytes], *, max_bytes: int, expected: str | None = None) -> tuple[str, int]:
    """Write the bytes, synced, and return (sha256, size).

    Raises TooLarge beyond `max_bytes`, WrongDigest when they do not have the `expected` SHA-256.
    """
    root = Path(settings.PODIUM_BLOBS)
    root.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=root, prefix=INCOMING)
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                size += len(piece)
                if size > max_bytes:
                    raise TooLarge  # noqa: TRY301 - the cleanup below is for every failure
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        sha256 = digest.hexdigest()
        if expected not in {None, sha256}:
            raise WrongDigest  # noqa: TRY301 - the cleanup below is for every failure
        _move(Path(name), path_of(sha256))
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return sha256, size


def _move(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir()
    except FileExistsError:
        pass
    else:
        _sync(target.parent.parent)
    source.chmod(0o440)
    source.replace(target)
    _sync(target.parent)  # the rename itself must survive a power cut


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def record(sha256: str, size: int) -> Blob:
    """The row of a blob already written. Call it inside the transaction that refers to it."""
    return Blob.objects.get_or_create(sha256=sha256, defaults={"size": size})[0]


def store(pieces: Iterable[bytes], *, max_bytes: int = 1 << 40) -> Blob:
    return record(*write(pieces, max_bytes=max_bytes))


def store_bytes(content: bytes) -> Blob:
    """The blob of small content made by us; bytes that are there already are not written again."""
    sha256 = hashlib.sha256(content).hexdigest()
    return record(sha256, len(content)) if path_of(sha256).exists() else store([content])


def head(blob: Blob, limit: int = 65_536) -> bytes:
    """The first bytes of a blob. The web process never reads more of anything a contestant wrote."""
    with path_of(blob.sha256).open("rb") as file:
        return file.read(limit)


def remove_cut_short(*, older_than_s: float = 3600.0) -> int:
    """Delete what writers that were killed left half written; a write that is under way is younger. Returns how many.

    That is: blobs under way, and the files Django spools a form's files to, which a killed web process cannot remove.
    Whole blobs that no row names are left: deleting one could race with an upload of the same content.
    """
    before = time.time() - older_than_s
    removed = 0
    spooled = Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*.upload*")
    for path in itertools.chain(Path(settings.PODIUM_BLOBS).glob(f"{INCOMING}*"), spooled):
        with contextlib.suppress(FileNotFoundError):  # its writer has just finished
            if path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed
