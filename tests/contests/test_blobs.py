"""The blob store keeps bytes by their content, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from contests import blobs

pytestmark = pytest.mark.django_db


def files() -> set[Path]:
    return {path for path in Path(settings.PODIUM_BLOBS).rglob("*") if path.is_file()}


def test_the_same_content_is_stored_once() -> None:
    first = blobs.store([b"same ", b"bytes"])
    after = files()
    second = blobs.store([b"same bytes"])
    assert first.pk == second.pk
    assert files() == after


def test_a_blob_is_read_only_on_disk() -> None:
    blob = blobs.store([b"read only"])
    assert blobs.path_of(blob.sha256).stat().st_mode & 0o777 == 0o440


def test_a_writer_that_fails_leaves_nothing() -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    before = files()
    with pytest.raises(ConnectionError):
        blobs.write(broken(), max_bytes=100)
    with pytest.raises(blobs.TooLarge):
        blobs.write([b"x" * 60, b"x" * 60], max_bytes=100)
    assert files() == before


def test_small_content_that_is_there_is_not_written_again() -> None:
    blob = blobs.store_bytes(b"known")
    written = blobs.path_of(blob.sha256).stat().st_mtime_ns
    assert blobs.store_bytes(b"known").pk == blob.pk
    assert blobs.path_of(blob.sha256).stat().st_mtime_ns == written


def test_the_head_of_a_blob_is_bounded() -> None:
    assert len(blobs.head(blobs.store([b"x" * 100_000]))) == 65_536
