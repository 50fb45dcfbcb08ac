"""What is promised of a store of blobs, kept by a folder and by a real S3 server alike."""

from __future__ import annotations

import hashlib
import io
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as site
from pytest_django.fixtures import Settings

from contests import blobs, bucket, stores
from tests.contests.s3_server import S3Server, s3_server, wire

pytestmark = pytest.mark.django_db
MIB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> stores.Store:
    """An empty store, chosen by the settings."""
    settings.PODIUM_BLOBS = tmp_path / "blobs"
    if request.param == "s3":
        running: S3Server = request.getfixturevalue("server")
        settings.PODIUM_S3 = running.store(
            bucket=f"b{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:20]}"
        )
    chosen = stores.chosen()
    chosen.prepare()
    return chosen


def on_their_way() -> list[Path]:
    return list(Path(site.PODIUM_BLOBS).glob("incoming-*"))


def listed() -> list[tuple[str, int]]:
    return sorted(blobs.listed())


@pytest.mark.parametrize("content", [b"", b"x", b"ab" * MIB])
def test_bytes_come_back_as_they_were_kept(store: stores.Store, content: bytes) -> None:
    sha256, size = blobs.write([content], max_bytes=4 * MIB)
    assert (sha256, size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert b"".join(blobs.pieces_of(sha256)) == content
    with blobs.seekable(sha256) as file:
        file.seek(len(content) // 2)
        assert file.read() == content[len(content) // 2 :]
    assert listed() == [(sha256, size)]
    assert on_their_way() == []


def test_the_same_content_is_kept_once(store: stores.Store) -> None:
    for pieces in ([b"same ", b"bytes"], [b"same bytes"]):
        blobs.write(pieces, max_bytes=100)
    assert len(listed()) == 1


def test_what_is_not_there_is_said_to_be_missing(store: stores.Store) -> None:
    absent = "0" * 64
    blobs.write([b"another"], max_bytes=100)
    assert not blobs.exists(absent)
    assert blobs.written_before(absent, 0.0)
    for read in (blobs.opened, blobs.seekable, lambda sha256: next(blobs.pieces_of(sha256))):
        with pytest.raises(FileNotFoundError):
            read(absent)


def test_a_folder_that_holds_nothing_at_all_is_away_and_not_a_lost_file(
    settings: Settings, tmp_path: Path
) -> None:
    """For a lost file its job ends; a disk that is not mounted comes back."""
    settings.PODIUM_S3, settings.PODIUM_BLOBS = None, tmp_path
    with pytest.raises(stores.StoreAway, match="is its disk mounted"):
        blobs.opened("0" * 64)


def test_what_is_refused_or_breaks_off_is_not_kept(store: stores.Store) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(blobs.WrongDigest):
        blobs.write([b"other bytes"], max_bytes=100, expected="0" * 64)
    with pytest.raises(blobs.TooLarge):
        blobs.write([b"x" * 60, b"x" * 60], max_bytes=100)
    with pytest.raises(ConnectionError):
        blobs.write(broken(), max_bytes=100)
    assert listed() == []
    assert on_their_way() == []


def test_writing_again_makes_a_blob_young_and_removing_takes_it_away(store: stores.Store) -> None:
    before = time.time()
    sha256, _ = blobs.write([b"young"], max_bytes=100)
    assert not blobs.written_before(sha256, before - 2)  # S3 tells whole seconds
    assert blobs.written_before(sha256, time.time() + 60)
    assert list(blobs.listed(older_than_s=60)) == []
    blobs.remove(sha256)
    blobs.remove(sha256)
    assert not blobs.exists(sha256)
    assert listed() == []


def test_a_large_file_passes_through_little_memory(store: stores.Store) -> None:
    size, seen = 48, hashlib.sha256()
    tracemalloc.start()
    try:
        sha256, _ = blobs.write((bytes([n]) * MIB for n in range(size)), max_bytes=64 * MIB)
        for piece in blobs.pieces_of(sha256):
            seen.update(piece)
        with blobs.seekable(sha256) as file:
            file.seek(-1, io.SEEK_END)
            assert file.read() == bytes([size - 1])
        assert tracemalloc.get_traced_memory()[1] < 12 * MIB
    finally:
        tracemalloc.stop()
    assert seen.hexdigest() == sha256


def test_an_archive_is_looked_into_where_it_lies(store: stores.Store) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("train.py", "pass\n")
    sha256, _ = blobs.write([packed.getvalue()], max_bytes=MIB)
    with blobs.seekable(sha256) as file:
        assert zipfile.ZipFile(file).namelist() == ["train.py"]


def test_a_store_that_takes_bytes_passes_its_probe(store: stores.Store) -> None:
    blobs.probe()
    assert listed() == []


# What only S3 can do wrong.


def test_bytes_that_were_changed_on_the_way_are_refused_by_the_server(
    server: S3Server, settings: Settings
) -> None:
    with wire(server, up=lambda piece: piece.replace(b"right bytes", b"wrong bytes")) as address:
        settings.PODIUM_S3 = server.store(address, "changed")
        stores.chosen().prepare()
        sha256 = hashlib.sha256(b"right bytes").hexdigest()
        with pytest.raises(blobs.StoreAway):
            blobs.write([b"right bytes"], max_bytes=100)
        assert not blobs.exists(sha256)
    assert on_their_way() == []


def test_a_download_that_breaks_off_goes_on_where_it_was(server: S3Server, settings: Settings) -> None:
    content = bytes(range(256)) * 4096 * 4
    settings.PODIUM_S3 = server.store(bucket="broken")
    stores.chosen().prepare()
    sha256, _ = blobs.write([content], max_bytes=8 * MIB)
    passed, cuts = 0, 0

    def cut(piece: bytes) -> bytes:
        nonlocal passed, cuts
        passed += len(piece)
        if passed > MIB and cuts < 2:
            passed, cuts = 0, cuts + 1
            return b""
        return piece

    with wire(server, down=cut) as address:
        settings.PODIUM_S3 = server.store(address, "broken")
        assert b"".join(blobs.pieces_of(sha256)) == content
    assert cuts == 2


def test_a_store_that_is_away_says_so_and_nothing_is_half_kept(server: S3Server, settings: Settings) -> None:
    settings.PODIUM_S3 = server.store("http://127.0.0.1:9", "away")
    for ask in (
        lambda: blobs.write([b"x"], max_bytes=10),
        lambda: blobs.exists("0" * 64),
        lambda: blobs.opened("0" * 64),
        lambda: list(blobs.listed()),
        blobs.probe,
        stores.chosen().prepare,
    ):
        with pytest.raises(blobs.StoreAway):
            ask()
    assert on_their_way() == []


def test_a_wrong_key_is_no_missing_file(server: S3Server, settings: Settings) -> None:
    url, bucket, access, _, region = server.store()
    settings.PODIUM_S3 = (url, bucket, access, "not the secret", region)
    with pytest.raises(blobs.StoreAway) as caught:
        blobs.exists("0" * 64)
    assert "not the secret" not in str(caught.value)


def test_a_file_too_large_for_one_request_arrives_in_parts(
    server: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 GB in parts of 64 MB; here S3's smallest parts, which are 5 MB."""
    monkeypatch.setattr(bucket, "_ONE_REQUEST", 11 * MIB)
    monkeypatch.setattr(bucket, "_PART", 5 * MIB)
    said: list[bytes] = []

    def overheard(piece: bytes) -> bytes:
        said.append(piece.partition(b" HTTP/1.1")[0])
        return piece

    with wire(server, up=overheard) as address:
        settings.PODIUM_S3 = server.store(address, "parts")
        stores.chosen().prepare()
        content = bytes(range(256)) * (12 * MIB // 256)
        sha256, _ = blobs.write([content], max_bytes=12 * MIB)
    settings.PODIUM_S3 = server.store(bucket="parts")
    assert sum(b"partNumber=" in words[:300] for words in said) == 3
    assert hashlib.sha256(b"".join(blobs.pieces_of(sha256))).hexdigest() == sha256
    assert on_their_way() == []


def test_the_pages_of_a_long_list_are_all_read(server: S3Server, settings: Settings) -> None:
    settings.PODIUM_S3 = server.store(bucket="long")
    stores.chosen().prepare()
    for number in range(1005):  # S3 tells a thousand at a time
        name = hashlib.sha256(str(number).encode()).hexdigest()
        path = server.folder / "long" / "blobs" / name[:2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert len(listed()) == 1005
