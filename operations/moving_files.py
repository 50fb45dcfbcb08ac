"""Moving a site's files from its folder into its bucket, or back. The command is `manage.py move_blobs`.

Theory of operation. Files are copied one by one; each is hashed as it is read, so a damaged one is not spread, and the
store it goes to shows it whole or not at all. What is there already with its length is not copied again: killed at any
moment, the same command goes on. Only `remove` deletes, in a pass of its own after everything was copied: each file
is read back from where it went, copied once more where those bytes are others, and goes only when they are the right
ones.

While the site runs only copying is allowed, and it lacks what was handed in behind the copier's back: stop the site,
give the same command with `--remove` for the rest, and start the site with the settings of the other store.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings

from contests import blobs, stores
from contests.models import Blob
from contests.stores import Store
from operations import instance
from operations.backup import database

Say = Callable[[str], None]
SAY_EVERY = 200
MB = 1 << 20


class CannotMove(Exception):
    """Nothing, or not everything, was moved; nothing was lost. The message says why."""


@dataclasses.dataclass(slots=True)
class Moved:
    files: int = 0
    size: int = 0
    there: int = 0  # already
    damaged: list[str] = dataclasses.field(default_factory=list)
    missing: list[str] = dataclasses.field(
        default_factory=list
    )  # that the database names, and neither store has
    removed: int = 0


def move(to: str, say: Say, *, dry: bool = False, remove: bool = False) -> Moved:
    """Copy all files `to` the bucket or the folder, and `remove` them where they were. Raises CannotMove, StoreAway."""
    source, target = _stores(to)
    if remove and not dry and instance.is_used(Path(settings.VAR) / "run"):
        raise CannotMove(
            "This site is running: stop it before files are removed. Without --remove they are copied."
        )
    if remove and not dry and (found := database.other_clients()):
        raise CannotMove(
            f"Processes of this site are connected to the database (from {', '.join(found)}): stop them, on whatever "
            "hosts they are, before files are removed. Without --remove they are copied."
        )
    target.prepare()
    moved = Moved()
    there = {found.sha256: found.size for found in target.kept()}
    lying = {found.sha256: found.size for found in source.kept()}
    for sha256, size in lying.items():
        if there.get(sha256) == size:
            moved.there += 1
        elif dry or _copy(sha256, source, target):
            moved.files, moved.size = moved.files + 1, moved.size + size
            if moved.files % SAY_EVERY == 0:
                say(f"{moved.files} of {len(lying) - moved.there} files, {moved.size // MB} MB")
        else:
            moved.damaged.append(sha256)
    # What was handed in behind our back lies there by now: only what is missing from both lists is asked for.
    unseen = [sha256 for sha256 in _named() if sha256 not in lying and sha256 not in there]
    moved.missing = [sha256 for sha256 in unseen if not source.holds(sha256) and not target.holds(sha256)]
    if remove and not dry:
        _remove(lying, source, target, moved, say)
    return moved


def _stores(to: str) -> tuple[Store, Store]:
    if settings.PODIUM_S3 is None:
        raise CannotMove(
            "PODIUM_S3_URL and its keys are not set: they say which bucket is meant, either way."
        )
    folder, bucket = stores.Folder(Path(settings.PODIUM_BLOBS)), stores.chosen()
    return (folder, bucket) if to == "bucket" else (bucket, folder)


def _named() -> Iterator[str]:
    return Blob.objects.order_by("pk").values_list("pk", flat=True).iterator()


def _copy(sha256: str, source: Store, target: Store) -> bool:
    """Whether the bytes were those of their name, and lie in the target now."""
    try:
        with source.open(sha256) as file:
            blobs.put(blobs.chunks_of(file), max_bytes=1 << 50, expected=sha256, to=target)
    except FileNotFoundError:
        return True  # nothing needed it any more: the site runs
    except blobs.WrongDigest:
        return False
    return True


def _remove(lying: dict[str, int], source: Store, target: Store, moved: Moved, say: Say) -> None:
    if moved.damaged:
        raise CannotMove(
            f"{len(moved.damaged)} files are damaged, so none was removed: `manage.py doctor --deep` tells what needs "
            "them."
        )
    say("reading back what was copied, and removing it where it was")
    for sha256 in lying:
        if not _is_there_whole(sha256, target):
            _copy_anew(sha256, source, target)
        source.remove(sha256)
        moved.removed += 1
        if moved.removed % SAY_EVERY == 0:
            say(f"{moved.removed} of {len(lying)} files removed")


def _copy_anew(sha256: str, source: Store, target: Store) -> None:
    left = f"It was left where it was, as are those after {sha256}."
    if not _copy(sha256, source, target):
        raise CannotMove(f"The file {sha256} is damaged in both places: a backup may have it. {left}")
    if not _is_there_whole(sha256, target):
        raise CannotMove(
            f"The copy of {sha256} is damaged, also when made anew: look at where it goes to. {left}"
        )


def _is_there_whole(sha256: str, store: Store) -> bool:
    digest = hashlib.sha256()
    try:
        with store.open(sha256) as file:
            for piece in blobs.chunks_of(file):
                digest.update(piece)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == sha256
