"""The files of a backup: all that were copied come back, and a backup that has lost one is refused."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from contests import blobs
from operations.backup import archive, database, reading
from operations.backup.manifest import NAME, CannotRestore, Manifest, read
from tests.contests.s3_server import s3_server

CONTENTS = [b"named", b"named as well", b"nothing names this one"]
DIGESTS = [hashlib.sha256(content).hexdigest() for content in CONTENTS]


def backed_up(target: Path) -> Path:
    """A backup of CONTENTS, whose database is none."""
    sink = archive.sink_for(target)
    for sha256, content in zip(DIGESTS, CONTENTS, strict=True):
        sink.add_blob(sha256, len(content), iter([content]))
    file = sink.workplace() / "draft"
    file.write_bytes(b"rows")
    sink.add_file(database.FILES["sqlite"], file)
    sink.finish(
        Manifest(
            version="0.1.0",
            made_at="2026-11-22",
            engine="sqlite",
            database=database.FILES["sqlite"],
            database_sha256=hashlib.sha256(b"rows").hexdigest(),
            migrations=[],
            counts={},
            blobs=sink.count(),
            blob_bytes=0,
            missing=[],
        )
    )
    return target


def restore_files(target: Path) -> None:
    source = archive.source_of(target)
    reading._fetch(source, read(source.manifest()), target.with_name("fresh"), lambda _text: None)


@pytest.fixture(autouse=True)
def empty_store(settings: Settings, tmp_path: Path) -> None:
    settings.PODIUM_BLOBS = tmp_path / "store"


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_every_file_comes_back(name: str, tmp_path: Path) -> None:
    restore_files(backed_up(tmp_path / name))
    assert sorted(sha256 for sha256, _size in blobs.listed()) == sorted(DIGESTS)


@pytest.mark.parametrize("lost", DIGESTS)
def test_a_backup_that_lost_a_file_is_refused_although_others_than_the_named_are_in_it(
    lost: str, tmp_path: Path
) -> None:
    target = backed_up(tmp_path / "copy")
    (target / archive.member(lost)).unlink()
    with pytest.raises(CannotRestore, match="holds 2 files of 3"):
        restore_files(target)


def test_what_a_killed_copy_left_half_written_spoils_no_backup(tmp_path: Path) -> None:
    sha256 = hashlib.sha256(b"deleted from the store before the copy was taken up").hexdigest()
    half = tmp_path / "copy.partial" / f"{archive.member(sha256)}.new"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"dele")
    target = backed_up(tmp_path / "copy")
    restore_files(target)
    assert not list(target.glob("blobs/*/*.new"))
    assert (target / NAME).is_file()


def test_a_backup_without_its_database_is_refused_in_one_sentence(tmp_path: Path) -> None:
    target = backed_up(tmp_path / "copy")
    (target / database.FILES["sqlite"]).unlink()
    with pytest.raises(CannotRestore, match="cannot be read"):
        restore_files(target)


def test_a_store_that_is_away_is_told_in_one_sentence(tmp_path: Path, settings: Settings) -> None:
    target = backed_up(tmp_path / "copy")
    settings.PODIUM_S3 = ("http://127.0.0.1:1", "podium", "key", "secret", "us-east-1")
    with pytest.raises(CannotRestore, match="not be written"):
        restore_files(target)


def test_the_files_go_into_a_bucket_that_was_not_there(tmp_path: Path, settings: Settings) -> None:
    target = backed_up(tmp_path / "copy")
    with s3_server(tmp_path / "s3") as server:
        settings.PODIUM_S3 = server.store()
        restore_files(target)
        assert sorted(sha256 for sha256, _size in blobs.listed()) == sorted(DIGESTS)


def test_a_tar_that_is_no_backup_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(__file__, arcname="a-file")
    with pytest.raises(CannotRestore, match=r"holds no file manifest\.json"):
        restore_files(tmp_path / "other.tar")
