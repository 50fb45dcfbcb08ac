"""Whole directories as zip archives: out of a sandbox (`pack`), and into a run's directory (`unpack`).

Theory of operation. Both sides are written by strangers. `pack` is called when every process of the run is dead; it
walks by descriptors, opens each name without following links and without blocking, and takes regular files with one
name and directories. Anything else, and any name that `unpack` would refuse, refuses the whole tree: a model with holes
would only fail later, where nobody sees its log. The same tree always gives the same bytes.

`unpack` writes only what `runners.archives` has let pass, member by member into a fresh directory, and never more bytes
than the table announced. Standard library only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from runners.archives import (
    ENDING,
    HEADERS,
    MAX_BYTES,
    MAX_FILES,
    UNREADABLE,
    BadArchive,
    Fault,
    Members,
    checked,
    opened,
)
from runners.spec import OutputFile
from runners.verdict import OutputState

_CHUNK = 1 << 20
# How the kernel says that a name cannot be opened as a file or directory that the program left readable.
_NOT_OURS = frozenset({errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EPERM})
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def pack(
    directory: int, destination: Path, *, max_bytes: int, max_files: int = MAX_FILES
) -> tuple[OutputState, OutputFile | None]:
    """The tree of the open `directory` as the archive `destination`: MISSING without a file in it.

    TOO_BIG when the archive or the count of its members is beyond what is allowed, or a directory lies too deep.
    """
    # Never more than `unpack` takes by itself, whatever the caller allows.
    members = Members(min(max_bytes, MAX_BYTES) - ENDING, min(max_files, MAX_FILES))
    state = OutputState.OK
    with destination.open("xb") as file:
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                _pack(directory, "", archive, members)
            if not members.files:
                state = OutputState.MISSING
        except BadArchive as refused:
            big = {Fault.TOO_MANY, Fault.TOO_LARGE, Fault.TOO_DEEP}
            state = OutputState.TOO_BIG if refused.fault in big else OutputState.NOT_REGULAR
        file.flush()
        os.fsync(file.fileno())
    if state is not OutputState.OK:
        destination.unlink()
        return state, None
    with destination.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return state, OutputFile(name=destination.name, sha256=digest, size=destination.stat().st_size)


def unpack(
    source: Path, destination: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> None:
    """Write an archive's tree to `destination`, which is made here. Raises BadArchive, OSError (a full disk).

    Files are 0444, or 0555 where the archive says so; directories stay ours to delete: they are bound read-only.
    """
    with source.open("rb") as file, opened(file) as archive:
        members = checked(archive, file, max_bytes, max_files)
        size = sum(info.file_size for info in members)
        if shutil.disk_usage(source.parent).free < size:
            raise OSError(f"no room for the {size} bytes of an unpacked archive")
        _make(destination)
        for info in members:
            target = destination / info.filename
            for directory in reversed(Path(info.filename).parents):
                _make(destination / directory)
            if info.is_dir():
                _make(target)
            else:
                _extract(archive, info, target)


def _make(directory: Path) -> None:
    """A directory that the program's own user can read, whatever our umask is."""
    directory.mkdir(exist_ok=True)
    directory.chmod(0o755)


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    mode = 0o555 if (info.external_attr >> 16) & stat.S_IXUSR else 0o444
    try:
        with archive.open(info) as packed, target.open("xb") as out:
            shutil.copyfileobj(packed, out, _CHUNK)  # never gives more than the table announced
            os.fchmod(out.fileno(), mode)
            short = out.tell() != info.file_size
    except UNREADABLE as error:
        raise BadArchive(Fault.DAMAGED, info.filename) from error
    if short:
        raise BadArchive(Fault.DAMAGED, info.filename)


def _pack(directory: int, above: str, archive: zipfile.ZipFile, members: Members) -> bool:
    """Add what is in `directory`; whether there was anything."""
    names = sorted(_names(directory, members))
    for name in names:
        place = f"{above}{name}"
        try:
            source = os.open(name, _READ, dir_fd=directory)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            raise BadArchive(Fault.LINK, place) from error
        try:
            facts = os.fstat(source)
            if stat.S_ISDIR(facts.st_mode):
                members.add(place, _overhead(place), directory=True)
                if not _pack(source, f"{place}/", archive, members):
                    archive.writestr(_entry(f"{place}/", stat.S_IFDIR | 0o755), b"")
            elif stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1:
                members.add(place, facts.st_size + _overhead(place), directory=False)
                _pack_file(source, facts, _entry(place, stat.S_IFREG | _mode(facts)), archive)
            else:
                raise BadArchive(Fault.LINK, place)
        finally:
            os.close(source)
    return bool(names)


def _names(directory: int, members: Members) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for seen, entry in enumerate(entries):
            if seen >= members.left:
                raise BadArchive(Fault.TOO_MANY)
            yield entry.name


def _overhead(place: str) -> int:
    return HEADERS + 2 * len(place.encode(errors="replace"))


def _mode(facts: os.stat_result) -> int:
    return 0o555 if facts.st_mode & stat.S_IXUSR else 0o444


def _entry(place: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(place)  # dated 1980: the same files are the same bytes
    entry.external_attr = mode << 16
    return entry


def _pack_file(source: int, facts: os.stat_result, entry: zipfile.ZipInfo, archive: zipfile.ZipFile) -> None:
    entry.file_size = left = facts.st_size  # decides between short and long headers
    with archive.open(entry, "w") as out:
        while left > 0:
            piece = os.read(source, min(left, _CHUNK))
            if not piece:
                raise OSError(f"{entry.filename} has become shorter: something still writes")
            out.write(piece)
            left -= len(piece)
