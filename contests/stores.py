"""Where blobs lie: a folder of this machine, or an S3-compatible store. contests.blobs decides what is kept.

Theory of operation. Bytes on their way in are spooled to a file below PODIUM_BLOBS and hashed; only when they are
whole and right does a store get that file, with its name: the SHA-256. `keep` returns when the bytes would survive
a power cut there, and a database row is written after that, so a row never names bytes that a crash could take back.
Either store shows an object whole or not at all: the folder by rename, S3 because that is how a PUT is defined.

An S3 request is signed with the SHA-256 of its body (not "UNSIGNED-PAYLOAD"), so bytes that were changed on the way
are refused by the server. Nothing is presigned: such an address is as good as the file for whoever learns it, and a
solution must never leave but by us. A store that does not answer is StoreAway, which is HTTP 503: whoever sent
something still has it and sends it again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, Self, cast

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError, ResponseStreamingError
from django.conf import settings

CHUNK = 1 << 20
INCOMING = "incoming-"
_PROBE = "probe"
_NAME = re.compile(r"[0-9a-f]{64}")
_GONE = {"404", "NoSuchKey", "NotFound"}
# S3 takes up to 5 GB in one request, of which it shows all or nothing; larger ones in parts, shown when all are there.
_ONE_REQUEST = 4 << 30
_RESUMES = 3


class StoreAway(OSError):
    """The store does not answer, or not as it should: try again later. Nothing was kept or lost."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """A whole file in the store. `changed`: seconds since 1970."""

    sha256: str
    size: int
    changed: float


class Store(Protocol):
    """Missing files are FileNotFoundError; a store that is away is StoreAway."""

    def prepare(self) -> None:
        """Make what has to be there before the first file, where that may be done."""
        ...

    def keep(self, spooled: Path, sha256: str) -> None:
        """Take a spooled and synced file in, durably. Harmless to repeat. The file may be gone afterwards."""
        ...

    def holds(self, sha256: str) -> bool: ...

    def changed(self, sha256: str) -> float | None:
        """When it was last written, in seconds of the epoch; None where it is not."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """The bytes from the beginning to the end; not every store's can seek."""
        ...

    def seekable(self, sha256: str) -> BinaryIO:
        """The bytes in a file that can seek."""
        ...

    def kept(self) -> Iterator[Kept]: ...

    def remove(self, sha256: str) -> None:
        """Harmless when it is not there."""
        ...

    def probe(self) -> None:
        """Write a few bytes durably and delete them again. Raises OSError."""
        ...

    def space_left(self) -> int | None:
        """In bytes, where the store knows."""
        ...


@functools.cache
def _bucket(chosen: tuple[str, str, str, str, str]) -> Bucket:
    return Bucket(*chosen)


def chosen() -> Store:
    """The store that the settings name."""
    if settings.PODIUM_S3 is None:
        return Folder(Path(settings.PODIUM_BLOBS))
    return _bucket(settings.PODIUM_S3)


def path_of(sha256: str) -> Path:
    return Path(settings.PODIUM_BLOBS) / sha256[:2] / sha256


class Folder:
    """Files in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def prepare(self) -> None:
        self._root.mkdir(parents=True, exist_ok=True)

    def keep(self, spooled: Path, sha256: str) -> None:
        target = self._path(sha256)
        try:
            target.parent.mkdir()
        except FileExistsError:
            pass
        else:
            _sync(target.parent.parent)
        spooled.chmod(0o440)
        spooled.replace(target)
        _sync(target.parent)  # the rename itself must survive a power cut

    def holds(self, sha256: str) -> bool:
        return self._path(sha256).exists()

    def changed(self, sha256: str) -> float | None:
        try:
            return self._path(sha256).stat().st_mtime
        except FileNotFoundError:
            return None

    def open(self, sha256: str) -> BinaryIO:
        return self._path(sha256).open("rb")

    def seekable(self, sha256: str) -> BinaryIO:
        return self.open(sha256)

    def kept(self) -> Iterator[Kept]:
        for path in sorted(self._root.glob("[0-9a-f][0-9a-f]/*")):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                if _NAME.fullmatch(path.name):
                    status = path.stat()
                    yield Kept(path.name, status.st_size, status.st_mtime)

    def remove(self, sha256: str) -> None:
        self._path(sha256).unlink(missing_ok=True)

    def probe(self) -> None:
        with tempfile.NamedTemporaryFile(dir=self._root, prefix=INCOMING) as file:
            file.write(b"probe")
            file.flush()
            os.fsync(file.fileno())

    def space_left(self) -> int | None:
        return shutil.disk_usage(self._root).free

    def _path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Bucket:
    """Objects `blobs/<first two>/<sha256>` of one bucket."""

    def __init__(self, url: str, bucket: str, access_key: str, secret_key: str, region: str) -> None:
        self._bucket = bucket
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            region_name=region,
            config=Config(
                signature_version="s3v4",
                connect_timeout=3,
                read_timeout=30,
                retries={"total_max_attempts": 3, "mode": "standard"},
                request_checksum_calculation="when_required",  # newer headers that many servers do not know
                response_checksum_validation="when_required",
                s3={"addressing_style": "path", "payload_signing_enabled": True},
            ),
        )

    def prepare(self) -> None:
        with _asking():
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if _code(error) not in {*_GONE, "NoSuchBucket"}:
                    raise
                self._client.create_bucket(Bucket=self._bucket)

    def keep(self, spooled: Path, sha256: str) -> None:
        size = spooled.stat().st_size
        with _asking():
            if size <= _ONE_REQUEST:
                with spooled.open("rb") as file:
                    self._client.put_object(
                        Bucket=self._bucket, Key=_key(sha256), Body=file, ContentLength=size
                    )
            else:
                # One part after the other: memory stays at one part's buffers.
                parts = TransferConfig(multipart_chunksize=64 << 20, use_threads=False)
                self._client.upload_file(str(spooled), self._bucket, _key(sha256), Config=parts)
            arrived = self._client.head_object(Bucket=self._bucket, Key=_key(sha256))["ContentLength"]
        if arrived != size:
            raise StoreAway(f"the store has {arrived} bytes of {sha256}, not {size}")
        spooled.unlink()

    def holds(self, sha256: str) -> bool:
        return self.changed(sha256) is not None

    def changed(self, sha256: str) -> float | None:
        try:
            with _asking():
                found = self._client.head_object(Bucket=self._bucket, Key=_key(sha256))
        except FileNotFoundError:
            return None
        return float(found["LastModified"].timestamp())

    def open(self, sha256: str) -> BinaryIO:
        return cast("BinaryIO", _Download(self._client, self._bucket, _key(sha256)))

    def seekable(self, sha256: str) -> BinaryIO:
        file = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - the caller closes it
        try:
            with self.open(sha256) as source:
                while piece := source.read(CHUNK):
                    file.write(piece)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return cast("BinaryIO", file)

    def kept(self) -> Iterator[Kept]:
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix="blobs/")
        )
        while True:
            with _asking():
                page = next(pages, None)
            if page is None:
                return
            for item in page.get("Contents", ()):
                name = item["Key"].rpartition("/")[2]
                if _NAME.fullmatch(name):
                    yield Kept(name, item["Size"], item["LastModified"].timestamp())

    def remove(self, sha256: str) -> None:
        with contextlib.suppress(FileNotFoundError), _asking():
            self._client.delete_object(Bucket=self._bucket, Key=_key(sha256))

    def probe(self) -> None:
        with _asking():
            self._client.put_object(Bucket=self._bucket, Key=_PROBE, Body=b"probe")
            self._client.delete_object(Bucket=self._bucket, Key=_PROBE)

    def space_left(self) -> int | None:
        return None


class _Download:
    """An object's bytes as they come. A connection that breaks is taken up where it broke, a few times."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client, self._where = client, {"Bucket": bucket, "Key": key}
        self._at, self._resumes = 0, 0
        self._body = self._ask()

    def read(self, size: int = -1, /) -> bytes:
        while True:
            try:
                piece: bytes = self._body.read(None if size < 0 else size)
            except (ResponseStreamingError, IncompleteReadError, BotoCoreError, OSError) as error:
                self._resumes += 1
                if self._resumes > _RESUMES:
                    raise StoreAway(f"the store broke off: {error}") from error
                self._body.close()
                self._body = self._ask()
            else:
                self._at += len(piece)
                return piece

    def close(self) -> None:
        self._body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self) -> IO[bytes]:
        span = {"Range": f"bytes={self._at}-"} if self._at else {}
        with _asking():
            return cast("IO[bytes]", self._client.get_object(**self._where, **span)["Body"])


def _key(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def _asking() -> Iterator[None]:
    """The store's refusals and silences as errors of ours."""
    try:
        yield
    except ClientError as error:
        if _code(error) in _GONE:
            raise FileNotFoundError(str(error)) from error
        raise StoreAway(f"the store refuses: {error}") from error
    except BotoCoreError as error:
        raise StoreAway(f"the store does not answer: {error}") from error
