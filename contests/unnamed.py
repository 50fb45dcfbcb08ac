"""Deleting blobs that nothing refers to any more.

Theory of operation. Files are stored once by their content, so a blob that nothing refers to now may be named by an
upload of the same bytes in the next moment. A store may be far away, so it is never asked under a lock. Instead:

1. In one transaction that holds the row's lock, and asks once more what refers to it, the row is deleted and a Removal
   written. From here on `blobs.record` refuses that content (Vanished: write it again).
2. The bytes are deleted.
3. The Removal is marked as done, and kept for an hour.

A writer puts its bytes first, then looks for a Removal (`blobs.write`), and again in the transaction that refers to
them (`blobs.record`). One that finds a Removal under way gives up. One that finds a finished one asks whether its bytes
are still there; if so nobody will delete them any more, and it drops the Removal. One that finds none before, and one
after, is refused by `record`: a whole removal passed in between. So a row never names bytes that are gone.

Whoever dies between 1 and 3 leaves a Removal that a chore carries on with. It is taken over after 20 minutes,
when a stopped process that goes on does not delete any more (STALLED_S), nor S3 a request of it that was on its way.

Some blobs are needed though no row refers to them: our own programs, which claims hand out by digest. A sweep asks for
those in running jobs when it begins (`also_needed`); what is handed out while it works is marked (`Blob.named_at`),
and the mark is looked at under the row's lock. Bytes written within the hour are left alone as well: their writers
would have to write again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import time
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Exists, ManyToOneRel, Model, OuterRef, ProtectedError, QuerySet
from django.utils import timezone

from contests import blobs
from contests.models import Blob, Removal

LEFT_ALONE_S = 3600.0
STALLED_S = 60.0
# S3 refuses a request that was signed over 15 minutes ago.
TAKEN_OVER = datetime.timedelta(minutes=20)
REMEMBERED = datetime.timedelta(seconds=LEFT_ALONE_S)
# Rooms above add what they hand out by its digest alone (judge.apps).
also_needed: list[Callable[[], set[str]]] = []


@dataclasses.dataclass(slots=True)
class Removed:
    files: int = 0
    bytes: int = 0


def rows() -> QuerySet[Blob]:
    """The rows that no other row refers to."""
    found = Blob.objects.all()
    for model, field in _referring():
        found = found.exclude(Exists(QuerySet(model).filter(**{field: OuterRef("pk")})))
    return found.order_by("pk")


def users_of(blob: Blob) -> list[Model]:
    """One row of each kind that refers to a blob."""
    found: list[Any] = [QuerySet(model).filter(**{field: blob.pk}).first() for model, field in _referring()]
    return [row for row in found if row is not None]


def _referring() -> list[tuple[type[Model], str]]:
    """Every model that refers to blobs, with the field by which it does."""
    relations: Any = Blob._meta.get_fields(include_hidden=True)  # noqa: SLF001 - Django's documented way to ask
    kept: list[Any] = [item for item in relations if isinstance(item, ManyToOneRel)]
    return [(item.related_model, item.field.name) for item in kept]


def removable(*, older_than_s: float = LEFT_ALONE_S) -> list[Blob]:
    """Those that `remove_rows` would delete now."""
    before = time.time() - older_than_s
    needed = _needed()
    return [
        blob
        for blob in rows().iterator()
        if blob.pk not in needed
        and blob.created_at.timestamp() < before
        and not _named_since(blob, before)
        and blobs.written_before(blob.pk, before)
    ]


def remove_rows(*, older_than_s: float = LEFT_ALONE_S, within_s: float = 3600.0) -> Removed:
    """Delete the blobs that nothing refers to, row and bytes, until the time is over."""
    removed, until = Removed(), time.monotonic() + within_s
    finish_others()
    for blob in removable(older_than_s=older_than_s):
        if time.monotonic() > until:
            break
        if remove(blob.pk, size=blob.size, older_than_s=older_than_s):
            removed.files += 1
            removed.bytes += blob.size
    return removed


def files_without_row(*, older_than_s: float = LEFT_ALONE_S) -> list[tuple[str, int]]:
    """What writers left who died between the bytes and the row."""
    named = set(Blob.objects.values_list("pk", flat=True))
    return [(sha256, size) for sha256, size in blobs.listed(older_than_s=older_than_s) if sha256 not in named]


def remove(sha256: str, *, size: int, older_than_s: float | None = LEFT_ALONE_S) -> bool:
    """Delete one blob unless something refers to it, or it was written or named lately. Whether it did.

    Without `older_than_s` also one that was written just now, if it was never handed out by its digest alone.
    """
    before = None if older_than_s is None else time.time() - older_than_s
    if before is not None and not blobs.written_before(sha256, before):
        return False
    began = time.monotonic()
    announced_at = _announce(sha256, size, before)
    if announced_at is None:
        return False
    if time.monotonic() - began > STALLED_S:
        return False  # others may have taken it over, and be done
    _delete(sha256, announced_at)
    return True


def discard(sha256: str, size: int) -> None:
    """Delete what its owner gave up, at once where that can be. What cannot be goes with the hourly chore."""
    with contextlib.suppress(blobs.StoreAway):
        remove(sha256, size=size, older_than_s=None)


@transaction.atomic
def _announce(sha256: str, size: int, before: float | None) -> datetime.datetime | None:
    """Delete the row and tell writers of the same content: since when. None where the blob has to stay."""
    # A row is made where there is none: it is what a writer of the same content waits for.
    Blob.objects.get_or_create(sha256=sha256, defaults={"size": size})
    blob = Blob.objects.select_for_update().filter(pk=sha256).first()
    if blob is None or _named_since(blob, before):
        return None
    if Removal.objects.filter(pk=sha256, done=False).exists():
        # Somebody is deleting these bytes: were there two, the first to be done would call in writers too early.
        transaction.set_rollback(True)  # a row that we made goes again
        return None
    try:
        blob.delete()
    except ProtectedError:
        return None
    announced_at = timezone.now()
    Removal.objects.update_or_create(
        sha256=sha256, defaults={"size": size, "announced_at": announced_at, "done": False}
    )
    return announced_at


def _named_since(blob: Blob, before: float | None) -> bool:
    return blob.named_at is not None and (before is None or blob.named_at.timestamp() >= before)


def _delete(sha256: str, announced_at: datetime.datetime) -> None:
    blobs.remove(sha256)
    Removal.objects.filter(pk=sha256, announced_at=announced_at).update(done=True)  # no other's


def finish_others() -> None:
    """Carry on with what was announced by somebody who died, and forget what was done long ago."""
    now = timezone.now()
    Removal.objects.filter(done=True, announced_at__lt=now - REMEMBERED).delete()
    for removal in Removal.objects.filter(done=False, announced_at__lt=now - TAKEN_OVER):
        ours = Removal.objects.filter(pk=removal.pk, done=False, announced_at=removal.announced_at)
        taken_at = timezone.now()  # not `now`: the deletions before may have taken long
        if ours.update(announced_at=taken_at):
            _delete(removal.pk, taken_at)


def _needed() -> set[str]:
    return set().union(*(ask() for ask in also_needed))
