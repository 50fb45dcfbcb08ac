"""Making a backup."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from contests import blobs
from operations.backup import archive, database
from operations.backup.archive import CHUNK, Sink, WrongBytes
from operations.backup.manifest import BackupFailed, Manifest

Say = Callable[[str], None]
SAY_EVERY = 200
MB = 1 << 20


def make(target: Path, say: Say) -> Manifest:
    """Write a backup of the site, which may be running. Raises BackupFailed; then there is none of that name."""
    sink = archive.sink_for(target)
    try:
        _copy(blobs.listed(), sink, say)
        say("copying the database")
        file = sink.workplace() / f".{target.name}.database"
        snapshot = database.dump(file)
        digest = digest_of(file)
        sink.add_file(database.FILES[database.engine()], file)
        missing = _copy(snapshot.blobs, sink, say, what="files that came meanwhile")
        told = Manifest(
            version=settings.PODIUM_VERSION,
            made_at=timezone.now().isoformat(),
            engine=database.engine(),
            database=database.FILES[database.engine()],
            database_sha256=digest,
            migrations=snapshot.migrations,
            counts=snapshot.counts,
            blobs=sink.count(),
            blob_bytes=sum(size for _sha256, size in snapshot.blobs),
            missing=missing,
        )
        sink.finish(told)
    except OSError as error:
        raise BackupFailed(f"The backup could not be written: {error}") from error
    return told


def _copy(wanted: Iterable[tuple[str, int]], sink: Sink, say: Say, *, what: str = "files") -> list[str]:
    """Copy what the backup does not hold yet; the digests of those that the store does not have, or not whole."""
    copied = size = 0
    missing = []
    for sha256, length in wanted:
        if sink.holds(sha256, length):
            continue
        try:
            sink.add_blob(sha256, length, blobs.pieces_of(sha256))
        except FileNotFoundError:
            missing.append(sha256)
            continue
        except WrongBytes as error:
            raise BackupFailed(
                f"The file {sha256} is damaged in the store: `manage.py doctor --deep` tells what needs it."
            ) from error
        copied, size = copied + 1, size + length
        if copied % SAY_EVERY == 0:
            say(f"{what}: {copied} copied, {size // MB} MB")
    say(f"{what}: {copied} copied, {size // MB} MB")
    return missing


def digest_of(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()
