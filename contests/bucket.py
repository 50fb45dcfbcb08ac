"""Blobs in one bucket of an S3-compatible store. What is promised stands in contests.stores."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError, ResponseStreamingError
from django.conf import settings

from contests.stores import CHUNK, NAME, Kept, StoreAway

_PROBE = "probe"
_GONE = {"404", "NoSuchKey", "NotFound"}
# S3 takes up to 5 GB in one request, of which it shows all or nothing; larger ones in parts, shown when all are there.
_ONE_REQUEST = 4 << 30
# S3 takes 10,000 parts: 625 GB in these. boto3 makes them larger for what is larger still.
_PART = 64 << 20
_RESUMES = 3


class Bucket:
    """Objects `blobs/<first two>/<sha256>` of one bucket."""

    def __init__(self, url: str, bucket: str, access_key: str, secret_key: str, region: str) -> None:
        self._bucket = bucket
        self._made: dict[str, Any] = {
            "endpoint_url": url,
            "aws_access_key_id": access_key,
            "aws_secret_access_key": secret_key,
            "region_name": region,
        }
        self._client = self._patient(read_s=30, attempts=3)

    def _patient(self, *, read_s: int, attempts: int) -> Any:
        config = Config(
            signature_version="s3v4",
            connect_timeout=3,
            read_timeout=read_s,
            retries={"total_max_attempts": attempts, "mode": "standard"},
            request_checksum_calculation="when_required",  # newer headers that many servers do not know
            response_checksum_validation="when_required",
            s3={"addressing_style": "path", "payload_signing_enabled": True},
        )
        return boto3.session.Session().client("s3", config=config, **self._made)

    @functools.cached_property
    def _prober(self) -> Any:
        """Whoever asks how the site does waits for seconds, not for a minute and a half."""
        return self._patient(read_s=4, attempts=1)

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
                    # Beside the signature's SHA-256, which not every server looks at.
                    md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
                    file.seek(0)
                    self._client.put_object(
                        Bucket=self._bucket,
                        Key=_key(sha256),
                        Body=file,
                        ContentLength=size,
                        ContentMD5=base64.b64encode(md5).decode(),
                    )
            else:
                # One part after the other: memory stays at one part's buffers.
                parts = TransferConfig(
                    multipart_threshold=_PART, multipart_chunksize=_PART, use_threads=False
                )
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
                if NAME.fullmatch(name):
                    yield Kept(name, item["Size"], item["LastModified"].timestamp())

    def remove(self, sha256: str) -> None:
        with contextlib.suppress(FileNotFoundError), _asking():
            self._client.delete_object(Bucket=self._bucket, Key=_key(sha256))

    def probe(self) -> None:
        with _asking():
            self._prober.put_object(Bucket=self._bucket, Key=_PROBE, Body=b"probe")
            self._prober.delete_object(Bucket=self._bucket, Key=_PROBE)

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
                piece: bytes = self._body.read(size if size >= 0 else None)
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

    def _ask(self) -> Any:
        span = {"Range": f"bytes={self._at}-"} if self._at else {}
        with _asking():
            return self._client.get_object(**self._where, **span)["Body"]


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
