"""All data files of a contest as one zip, made while it is sent: nothing is written, and memory stays flat.

The files are stored, not compressed: the zip is as large as what is in it, and its length is known before the
first byte. Nothing in it depends on when it is made, so the same files are always the same bytes (and ETag).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Generator, Sequence
from typing import NamedTuple

from contests import blobs, rules
from contests.models import TaskVersion

# Beyond, a zip needs longer headers; its length is then not told before.
_LONG = 1 << 31


class Member(NamedTuple):
    name: str
    sha256: str
    size: int


class _Outbox(io.RawIOBase):
    """A file that cannot seek; what was written to it is taken out piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes, /) -> int:  # type: ignore[override]
        self._written += piece
        return len(piece)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def members(versions: Sequence[TaskVersion], folder: str) -> list[Member]:
    """Every data file of these versions under `folder`, by task where there are several."""
    return [
        Member(
            "/".join(
                (folder, version.task.slug, rules.safe_filename(file.name))
                if len(versions) > 1
                else (folder, rules.safe_filename(file.name))
            ),
            file.blob_id,
            file.blob.size,
        )
        for version in versions
        for file in version.files.all()
    ]


def etag(files: Sequence[Member]) -> str:
    return hashlib.sha256("\n".join(f"{file.name}\t{file.sha256}" for file in files).encode()).hexdigest()


def size(files: Sequence[Member]) -> int | None:
    """How long the zip will be; None for one too large for short headers."""
    content = sum(file.size for file in files)
    if content >= _LONG:
        return None
    around = sum(len(piece) for piece in _zip([Member(file.name, "", 0) for file in files]))
    return around + content


def pieces(files: Sequence[Member]) -> Generator[bytes, None, None]:
    yield from _zip(files)


def _zip(files: Sequence[Member]) -> Generator[bytes, None, None]:
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name)  # dated 1980: the same files are the same bytes
            entry.external_attr = 0o644 << 16
            entry.file_size = file.size  # decides between short and long headers
            with archive.open(entry, "w") as target:
                if file.size:
                    with blobs.opened(file.sha256) as source:
                        for piece in blobs.chunks_of(source):
                            target.write(piece)
                            yield outbox.take()
        # Leaving writes the table of contents.
    yield outbox.take()
