"""The blob store: files by the SHA-256 of their content.

A blob is on disk, synced, before its row exists: a database row never names bytes that a crash could take back.
The same content is stored once; a second writer of the same bytes finds them there. What nothing refers to any more is
deleted by contests.unnamed, which says how a writer of the same content and it keep out of each other's way.
No verb that needs a row's lock asks the store while it holds one: a store elsewhere may take long to answer.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import itertools
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import connection
from django.utils import timezone

from contests import stores
from contests.models import Blob, Removal
from contests.stores import CHUNK, INCOMING, StoreAway, path_of

__all__ = ["CHUNK", "StoreAway", "path_of"]
# What is handed out by its digest alone is marked again when its mark is so old; shorter than unnamed.LEFT_ALONE_S.
NAMED_ANEW = datetime.timedelta(minutes=20)


class TooLarge(Exception):
    """More bytes arrived than the caller allowed; nothing was kept."""


class WrongDigest(Exception):
    """The bytes are not those that were announced; nothing was kept."""


class Vanished(StoreAway):
    """The bytes were deleted between their writing and their row: write them again."""


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece


def write(pieces: Iterable[bytes], *, max_bytes: int, expected: str | None = None) -> tuple[str, int]:
    """Write the bytes, durably, and return (sha256, size), for `record`.

    Raises TooLarge beyond `max_bytes`, WrongDigest when they do not have the `expected` SHA-256, StoreAway.
    """
    written = put(pieces, max_bytes=max_bytes, expected=expected)
    _must_stand(written[0])
    return written


def _must_stand(sha256: str) -> None:
    """Raise Vanished where somebody may be deleting what we have just written (contests.unnamed)."""
    removal = Removal.objects.filter(pk=sha256).first()
    if removal is None:
        return
    # One that is over may have taken our bytes or not. Another may begin, and even end, while we ask: it takes the row
    # over, and its moment is another.
    same = Removal.objects.filter(pk=sha256, done=True, announced_at=removal.announced_at)
    if not removal.done or not exists(sha256) or not same.delete()[0]:
        raise Vanished


def put(
    pieces: Iterable[bytes], *, max_bytes: int, expected: str | None = None, to: stores.Store | None = None
) -> tuple[str, int]:
    """`write` where there is no database yet, or nobody who deletes; or to another store than the site's."""
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
        (to or stores.chosen()).keep(Path(name), sha256)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return sha256, size


def opened(sha256: str) -> BinaryIO:
    """The bytes from the beginning to the end, as they come. Raises FileNotFoundError, StoreAway."""
    return stores.chosen().open(sha256)


def seekable(sha256: str) -> BinaryIO:
    """The bytes in a file that can seek: for archives. Raises FileNotFoundError, StoreAway."""
    return stores.chosen().seekable(sha256)


def record(sha256: str, size: int) -> Blob:
    """The row of a blob already written. Call it inside the transaction that refers to it. Raises Vanished.

    Until that transaction ends nobody deletes the row, nor the bytes.
    """
    blob = Blob.objects.get_or_create(sha256=sha256, defaults={"size": size})[0]
    while connection.in_atomic_block and not _locked(sha256):  # deleted while we waited for the lock
        blob = Blob.objects.get_or_create(sha256=sha256, defaults={"size": size})[0]
    if Removal.objects.filter(pk=sha256).exists():
        raise Vanished
    return blob


def _locked(sha256: str) -> bool:
    row = Blob.objects.select_for_update(no_key=True).filter(pk=sha256)
    return row.values_list("pk", flat=True).first() is not None


def store(pieces: Iterable[bytes], *, max_bytes: int = 1 << 40) -> Blob:
    return record(*write(pieces, max_bytes=max_bytes))


def store_bytes(content: bytes) -> Blob:
    """The blob of small content made by us; bytes that are there already are not written again.

    Nothing need refer to it: it stays for an hour, and for as long as contests.unnamed.also_needed names it.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    # Under somebody's lock the row is believed: it stands for bytes.
    known = Blob.objects.filter(pk=sha256).exists() if connection.in_atomic_block else exists(sha256)
    if known:
        with contextlib.suppress(Vanished):
            return _named(record(sha256, len(content)))
    return _named(store([content]))


def _named(blob: Blob) -> Blob:
    now = timezone.now()
    if blob.named_at is None or blob.named_at < now - NAMED_ANEW:
        if not Blob.objects.filter(pk=blob.pk).update(named_at=now):
            raise Vanished  # deleted since it was recorded
        blob.named_at = now
    return blob


def head(blob: Blob, limit: int = 65_536) -> bytes:
    """The first bytes of a blob. The web process never reads more of anything a contestant wrote."""
    with opened(blob.sha256) as file:
        return file.read(limit)


def remove_cut_short(*, older_than_s: float = 3600.0) -> int:
    """Delete what writers that were killed left half written; a write that is under way is younger. Returns how many.

    That is: blobs under way, and the files Django spools a form's files to, which a killed web process cannot remove.
    Whole blobs that no row names are left: deleting one could race with an upload of the same content.
    """
    removed = 0
    for path in cut_short(older_than_s=older_than_s):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            removed += 1
    return removed


def cut_short(*, older_than_s: float = 3600.0) -> Iterator[Path]:
    """What `remove_cut_short` would delete."""
    before = time.time() - older_than_s
    spooled = Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*.upload*")
    for path in itertools.chain(Path(settings.PODIUM_BLOBS).glob(f"{INCOMING}*"), spooled):
        with contextlib.suppress(FileNotFoundError):  # its writer has just finished
            if path.stat().st_mtime < before:
                yield path


def exists(sha256: str) -> bool:
    return stores.chosen().holds(sha256)


def pieces_of(sha256: str) -> Iterator[bytes]:
    """All bytes of a blob. Raises FileNotFoundError or StoreAway at the first piece."""
    with opened(sha256) as file:
        yield from chunks_of(file)


def listed(*, older_than_s: float = 0.0) -> Iterator[tuple[str, int]]:
    """Digest and size of every blob that lies in the store, in order; or of those written so long ago."""
    before = time.time() - older_than_s
    return ((found.sha256, found.size) for found in stores.chosen().kept() if found.changed <= before)


def written_before(sha256: str, moment: float) -> bool:
    """Whether nobody has written these bytes since (seconds of the epoch); True where there are none."""
    changed = stores.chosen().changed(sha256)
    return changed is None or changed < moment


def remove(sha256: str) -> None:
    """Delete the bytes. Only for contests.unnamed, which knows that nothing refers to them."""
    stores.chosen().remove(sha256)


def probe() -> None:
    """Write a few bytes, durably, and delete them again. Raises OSError where the store takes none."""
    stores.chosen().probe()


def space_left() -> int | None:
    """Bytes that the store can still take, as far as it knows."""
    return stores.chosen().space_left()
