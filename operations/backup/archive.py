"""A backup on disk: a folder, or one .tar file. Both hold manifest.json, the database's file and blobs/ab/<sha256>."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from contests.stores import NAME
from operations.backup import manifest
from operations.backup.manifest import BackupFailed, CannotRestore

CHUNK = 1 << 20
PARTIAL = ".partial"


def member(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"


class Sink(Protocol):
    """Where a backup is written. What was added is durable when `finish` returns."""

    def holds(self, sha256: str, size: int) -> bool: ...
    def add_blob(self, sha256: str, size: int, pieces: Iterable[bytes]) -> None: ...
    def count(self) -> int: ...
    def workplace(self) -> Path: ...
    def add_file(self, name: str, path: Path) -> None: ...
    def finish(self, told: manifest.Manifest) -> None: ...


class WrongBytes(Exception):
    """A blob's bytes are not those that its name says."""


def checked(sha256: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces; raises WrongBytes at their end when they are others."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != sha256:
        raise WrongBytes(sha256)


class FolderSink:
    """A folder `….partial` that gets its name when it is whole. One that is there already is carried on with."""

    def __init__(self, target: Path) -> None:
        self._target, self._partial = target, target.with_name(target.name + PARTIAL)
        self._partial.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(self._partial / ".lock")

    def holds(self, sha256: str, size: int) -> bool:
        try:
            return (self._partial / member(sha256)).stat().st_size == size
        except FileNotFoundError:
            return False

    def add_blob(self, sha256: str, size: int, pieces: Iterable[bytes]) -> None:
        place = self._partial / member(sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_suffix(".new")
        with fresh.open("wb") as file:
            for piece in checked(sha256, pieces):
                file.write(piece)
            _sync(file)
        fresh.replace(place)

    def count(self) -> int:
        return sum(1 for _path in _blobs_in(self._partial))

    def workplace(self) -> Path:
        return self._partial

    def add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            _sync(file)
        path.replace(self._partial / name)

    def finish(self, told: manifest.Manifest) -> None:
        with (self._partial / manifest.NAME).open("w", encoding="utf-8") as file:
            file.write(told.as_json())
            _sync(file)
        (self._partial / ".lock").unlink()
        for cut_off in self._partial.glob("blobs/*/*.new"):  # of a copy that was killed
            cut_off.unlink()
        for folder in (*self._partial.glob("blobs/*"), *self._partial.glob("blobs"), self._partial):
            _sync_folder(folder)
        self._partial.rename(self._target)
        _sync_folder(self._target.parent)
        os.close(self._lock)


class TarSink:
    """One file, written from the beginning each time: a tape knows no going on."""

    def __init__(self, target: Path) -> None:
        self._target, self._partial = target, target.with_name(target.name + PARTIAL)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self._partial)
        os.truncate(self._partial, 0)
        self._file = self._partial.open("r+b")
        self._tar = tarfile.TarFile(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)
        self._held: set[str] = set()

    def holds(self, sha256: str, size: int) -> bool:
        return sha256 in self._held

    def add_blob(self, sha256: str, size: int, pieces: Iterable[bytes]) -> None:
        entry = tarfile.TarInfo(member(sha256))
        entry.size, entry.mode = size, 0o400
        self._tar.addfile(entry, _Pieces(checked(sha256, pieces)))
        self._held.add(sha256)

    def count(self) -> int:
        return len(self._held)

    def workplace(self) -> Path:
        return self._target.parent

    def add_file(self, name: str, path: Path) -> None:
        self._tar.add(path, arcname=name, filter=_private)
        path.unlink()

    def finish(self, told: manifest.Manifest) -> None:
        path = self._target.with_name(self._target.name + ".manifest")
        path.write_text(told.as_json(), encoding="utf-8")
        self.add_file(manifest.NAME, path)
        self._tar.close()
        _sync(self._file)
        self._file.close()
        self._partial.rename(self._target)
        _sync_folder(self._target.parent)
        os.close(self._lock)


def sink_for(target: Path) -> Sink:
    """Raises BackupFailed where something of that name is there, or is being written."""
    if target.exists():
        raise BackupFailed(f"{target} is there already; choose another name.")
    return TarSink(target) if target.suffix == ".tar" else FolderSink(target)


class Source(Protocol):
    """A whole backup, to be read."""

    def manifest(self) -> str: ...
    def blobs(self) -> Iterator[tuple[str, Iterator[bytes]]]: ...
    def copy(self, name: str, to: Path) -> None: ...


class FolderSource:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def manifest(self) -> str:
        return (self._folder / manifest.NAME).read_text(encoding="utf-8")

    def blobs(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        for path in sorted(_blobs_in(self._folder)):
            with path.open("rb") as file:
                yield path.name, _pieces(file)

    def copy(self, name: str, to: Path) -> None:
        shutil.copyfile(self._folder / name, to)


class TarSource:
    def __init__(self, file: Path) -> None:
        self._file = file

    def manifest(self) -> str:
        with self._member(manifest.NAME) as file:
            return file.read().decode()

    def blobs(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        with tarfile.open(self._file) as tar:
            for entry in tar:
                file = tar.extractfile(entry) if entry.isreg() and entry.name.startswith("blobs/") else None
                if file is not None:
                    yield entry.name.rpartition("/")[2], _pieces(file)

    def copy(self, name: str, to: Path) -> None:
        with self._member(name) as file, to.open("wb") as target:
            shutil.copyfileobj(file, target, CHUNK)

    @contextlib.contextmanager
    def _member(self, name: str) -> Iterator[BinaryIO]:
        with tarfile.open(self._file) as tar:
            file = tar.extractfile(name) if name in tar.getnames() else None
            if file is None:
                raise CannotRestore(f"The backup holds no file {name}.")
            yield file  # type: ignore[misc]


def source_of(path: Path) -> Source:
    """Raises CannotRestore for what is no whole backup."""
    if path.name.endswith(PARTIAL):
        raise CannotRestore(f"{path} is half a backup: finish it by the command that began it.")
    if path.is_dir() and (path / manifest.NAME).is_file():
        return FolderSource(path)
    if path.is_file() and tarfile.is_tarfile(path):
        return TarSource(path)
    raise CannotRestore(f"{path} is no backup of Podium.")


class _Pieces:
    """Pieces as the file that tarfile reads from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def read(self, size: int = 0, /) -> bytes:
        while len(self._left) < size and (piece := next(self._pieces, b"")):
            self._left += piece
        taken, self._left = self._left[:size], self._left[size:]
        return taken


def _blobs_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("blobs/[0-9a-f][0-9a-f]/*") if NAME.fullmatch(path.name))


def _pieces(file: BinaryIO | object) -> Iterator[bytes]:
    while piece := file.read(CHUNK):  # type: ignore[union-attr]
        yield piece


def _private(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode, entry.uid, entry.gid, entry.uname, entry.gname = 0o400, 0, 0, "", ""
    return entry


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BackupFailed(f"Another backup is being written to {path.parent}.") from None
    return descriptor


def _sync(file: BinaryIO | object) -> None:
    file.flush()  # type: ignore[union-attr]
    os.fsync(file.fileno())  # type: ignore[union-attr]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
