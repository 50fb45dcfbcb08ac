"""The blob store keeps bytes by their content, whole or not at all."""

from __future__ import annotations

import os
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


def test_bytes_that_are_not_what_was_announced_are_not_kept() -> None:
    before = files()
    with pytest.raises(blobs.WrongDigest):
        blobs.write([b"other bytes"], max_bytes=100, expected="0" * 64)
    assert files() == before


def test_what_a_killed_writer_left_is_tidied_up_and_fresh_writes_are_not() -> None:
    root = Path(settings.PODIUM_BLOBS)
    old, fresh, kept = root / "incoming-old", root / "incoming-fresh", blobs.store([b"kept"])
    spooled = Path(settings.FILE_UPLOAD_TEMP_DIR) / "tmpabcdefgh.upload.csv"
    for path in (old, fresh, spooled):
        path.write_bytes(b"half")
    for path in (old, spooled):
        os.utime(path, (0, 0))
    os.utime(blobs.path_of(kept.sha256), (0, 0))
    assert blobs.remove_cut_short() == 2
    assert not old.exists()
    assert not spooled.exists()
    assert fresh.exists()
    assert blobs.path_of(kept.sha256).exists()
    fresh.unlink()
