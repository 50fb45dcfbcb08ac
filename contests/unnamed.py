"""Deleting blobs that nothing refers to any more.

Theory of operation. Files are stored once by their content, so a blob that nothing refers to now may be named by an
upload of the same bytes in the next moment. Two things keep that upload whole:

- A blob whose bytes were written lately is left alone; `blobs.write` writes them anew, whoever wrote them before.
- Row and bytes go in one transaction that holds the row's lock, after asking once more what refers to it.
  `blobs.record` takes the same lock and then looks whether the bytes are there. Whoever comes second sees what the
  first did: either the row is referred to, and stays, or the bytes are gone, and are written again (blobs.Vanished).

A crash between the two leaves a row without bytes that nothing refers to: the next time it goes, too.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Exists, ManyToOneRel, Model, OuterRef, ProtectedError, QuerySet

from contests import blobs
from contests.models import Blob

LEFT_ALONE_S = 3600.0
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
        and blobs.written_before(blob.pk, before)
    ]


def remove_rows(*, older_than_s: float = LEFT_ALONE_S, within_s: float = 3600.0) -> Removed:
    """Delete the blobs that nothing refers to, row and bytes, until the time is over."""
    removed, until = Removed(), time.monotonic() + within_s
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


@transaction.atomic
def remove(sha256: str, *, size: int, older_than_s: float = LEFT_ALONE_S) -> bool:
    """Delete one blob unless something refers to it, or its bytes were written lately. Whether it did."""
    # A row is made where there is none: it is what a writer of the same content waits for.
    Blob.objects.get_or_create(sha256=sha256, defaults={"size": size})
    blob = Blob.objects.select_for_update().filter(pk=sha256).first()
    if blob is None or not blobs.written_before(sha256, time.time() - older_than_s):
        return False
    try:
        blob.delete()
    except ProtectedError:
        return False
    blobs.remove(sha256)
    return True


def _needed() -> set[str]:
    return set().union(*(ask() for ask in also_needed))
