"""Whole directories as zip archives: out of a sandbox (`pack`), and into a run's directory (`unpack`).

Theory of operation. Both sides are written by strangers. `pack` is called when every process of the run is dead; it
walks by descriptors, opens each name without following links and without blocking, and takes regular files with one
name and directories. Anything else, and any name that `unpack` would refuse, refuses the whole tree: a model with holes
would only fail later, where nobody sees its log. The same tree always gives the same bytes.

`look` reads an archive's table of contents and nothing else, never more of it than MAX_TABLE bytes, and refuses every
member that is not an ordinary file or directory at a plain relative place; `unpack` writes only what `look` has let
pass, member by member into a fresh directory, and never more bytes than the table announced. Standard library only.
"""

from __future__ import annotations

import enum
import errno
import hashlib
import io
import os
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from runners.spec import OutputFile
from runners.verdict import OutputState

MAX_BYTES = 4 << 30  # of an unpacked tree, unless the caller says less
MAX_FILES = 10_000  # directories count as well
MAX_TABLE = 2 << 20  # of a table of contents: it is read whole, and takes many times as much memory
MAX_DEPTH = 20
MAX_NAME, MAX_PATH = 200, 1000  # bytes
# Far beyond what data and code shrink by; a small archive may hold what it likes.
MAX_RATIO, RATIO_FROM = 200, 16 << 20
_CHUNK = 1 << 20
_TYPES = (0, stat.S_IFREG, stat.S_IFDIR)
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # by password, strongly, with a masked table
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    ValueError,
)
_HEADERS = 30 + 20 + 46 + 28  # of one member in an archive, beside its name, which stands there twice
_ENDING = 22 + 56 + 20  # of a table of contents
# How the kernel says that a name cannot be opened as a file or directory that the program left readable.
_NOT_OURS = frozenset({errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EPERM})
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Fault(enum.StrEnum):
    """Why an archive is refused."""

    NOT_A_ZIP = "not_a_zip"
    TOO_MANY = "too_many"  # members, or a table of contents beyond all use
    TOO_LARGE = "too_large"  # unpacked
    BOMB = "bomb"  # it would grow out of all proportion
    ENCRYPTED = "encrypted"
    METHOD = "method"  # a kind of compression that not every zip has
    LINK = "link"  # a link, a device, a socket
    NAME = "name"  # absolute, "..", backslash, control characters, too long
    TOO_DEEP = "too_deep"
    DUPLICATE = "duplicate"  # also by case, or a file where another member needs a directory
    DAMAGED = "damaged"


class BadArchive(ValueError):
    """An archive is refused whole; `member` is the name that was at fault, if it was one."""

    def __init__(self, fault: Fault, member: str = "") -> None:
        super().__init__(f"{fault}: {member!r}" if member else str(fault))
        self.fault, self.member = fault, member


def pack(
    directory: int, destination: Path, *, max_bytes: int, max_files: int = MAX_FILES
) -> tuple[OutputState, OutputFile | None]:
    """The tree of the open `directory` as the archive `destination`: MISSING without a file in it.

    TOO_BIG when the archive or the count of its members is beyond what is allowed, or a directory lies too deep.
    """
    # Never more than `unpack` takes by itself, whatever the caller allows.
    members = _Members(min(max_bytes, MAX_BYTES) - _ENDING, min(max_files, MAX_FILES))
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


def look(file: BinaryIO, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> list[str]:
    """The files of an archive, from its table of contents alone. Raises BadArchive for one that is refused."""
    with _opened(file) as archive:
        return [info.filename for info in _checked(archive, file, max_bytes, max_files) if not info.is_dir()]


def member(file: BinaryIO, name: str, limit: int) -> bytes:
    """At most the first `limit` bytes of one file of an archive. Raises BadArchive, KeyError."""
    with _opened(file) as archive:
        try:
            with archive.open(name) as content:
                return content.read(limit)
        except _UNREADABLE as error:
            raise BadArchive(Fault.DAMAGED, name) from error


def unpack(
    source: Path, destination: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> None:
    """Write an archive's tree to `destination`, which is made here. Raises BadArchive, OSError (a full disk).

    Files are 0444, or 0555 where the archive says so; directories stay ours to delete: they are bound read-only.
    """
    with source.open("rb") as file, _opened(file) as archive:
        members = _checked(archive, file, max_bytes, max_files)
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


class _Members:
    """What was met so far, in either direction; raises BadArchive for what may not be in one tree."""

    def __init__(self, max_bytes: int, max_files: int) -> None:
        self._bytes_left, self._table_left, self.left = max_bytes, MAX_TABLE - _ENDING, max_files
        self._kinds: dict[str, tuple[str, bool]] = {}  # folded place: (place as written, whether a directory)
        self._explicit: set[str] = set()
        self.files = 0

    def add(self, place: str, size: int, *, directory: bool) -> None:
        parts = place.split("/")
        if not all(_plain(part) for part in parts) or _drive(parts[0]):
            raise BadArchive(Fault.NAME, place)
        if len(parts) > MAX_DEPTH or len(place.encode()) > MAX_PATH:
            raise BadArchive(Fault.TOO_DEEP, place)
        self.left -= 1
        self._table_left -= _HEADERS // 2 + len(place.encode())
        if self.left < 0 or self._table_left < 0:
            raise BadArchive(Fault.TOO_MANY)
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise BadArchive(Fault.TOO_LARGE, place)
        for depth in range(1, len(parts)):
            self._settle("/".join(parts[:depth]), directory=True)
        self._settle(place, directory=directory)
        if place in self._explicit:
            raise BadArchive(Fault.DUPLICATE, place)
        self._explicit.add(place)
        self.files += not directory

    def _settle(self, place: str, *, directory: bool) -> None:
        folded = unicodedata.normalize("NFC", place).casefold()
        if self._kinds.setdefault(folded, (place, directory)) != (place, directory):
            raise BadArchive(Fault.DUPLICATE, place)


def _plain(part: str) -> bool:
    """Whether this is a name that every file system can hold and every page can show."""
    if part in {"", ".", ".."} or "\\" in part or not part.isprintable():
        # Not printable are controls, direction characters, line separators, and bytes that are no text.
        return False
    return len(part.encode()) <= MAX_NAME


def _drive(part: str) -> bool:
    return len(part) > 1 and part[1] == ":"


class _Doorkeeper(io.RawIOBase):
    """A file of which zipfile cannot take more than MAX_TABLE bytes at once, whatever the file says of itself."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1, /) -> bytes:
        if size > MAX_TABLE:
            raise BadArchive(Fault.TOO_MANY)
        content = self._file.read(min(size, MAX_TABLE) if size >= 0 else MAX_TABLE + 1)
        if len(content) > MAX_TABLE:
            raise BadArchive(Fault.TOO_MANY)
        return content


def _opened(file: BinaryIO) -> zipfile.ZipFile:
    file.seek(0)
    try:
        return zipfile.ZipFile(_Doorkeeper(file))
    except BadArchive:
        raise
    except (*_UNREADABLE, OSError) as error:  # OSError: a place before the file's beginning
        raise BadArchive(Fault.NOT_A_ZIP) from error


def _checked(
    archive: zipfile.ZipFile, file: BinaryIO, max_bytes: int, max_files: int
) -> list[zipfile.ZipInfo]:
    members = _Members(max_bytes, max_files)
    infos = archive.infolist()
    if len(infos) > max_files:
        raise BadArchive(Fault.TOO_MANY)
    for info in infos:
        _check_member(info)
        # The name as it stands there: zipfile cuts it at a NUL.
        members.add(info.orig_filename.removesuffix("/"), info.file_size, directory=info.is_dir())
    packed, unpacked = sum(i.compress_size for i in infos), sum(i.file_size for i in infos)
    if packed > file.seek(0, os.SEEK_END):
        raise BadArchive(Fault.BOMB)  # members that overlap
    if unpacked > max(RATIO_FROM, MAX_RATIO * packed):
        raise BadArchive(Fault.BOMB, max(infos, key=lambda info: info.file_size).filename)
    return infos


def _check_member(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise BadArchive(Fault.ENCRYPTED, info.orig_filename)
    if info.compress_type not in _METHODS:
        raise BadArchive(Fault.METHOD, info.orig_filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in _TYPES or (kind and info.is_dir() != (kind == stat.S_IFDIR)):
        raise BadArchive(Fault.LINK, info.orig_filename)


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    mode = 0o555 if (info.external_attr >> 16) & stat.S_IXUSR else 0o444
    try:
        with archive.open(info) as packed, target.open("xb") as out:
            shutil.copyfileobj(packed, out, _CHUNK)  # never gives more than the table announced
            os.fchmod(out.fileno(), mode)
            short = out.tell() != info.file_size
    except _UNREADABLE as error:
        raise BadArchive(Fault.DAMAGED, info.filename) from error
    if short:
        raise BadArchive(Fault.DAMAGED, info.filename)


def _pack(directory: int, above: str, archive: zipfile.ZipFile, members: _Members) -> bool:
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


def _names(directory: int, members: _Members) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for seen, entry in enumerate(entries):
            if seen >= members.left:
                raise BadArchive(Fault.TOO_MANY)
            yield entry.name


def _overhead(place: str) -> int:
    return _HEADERS + 2 * len(place.encode(errors="replace"))


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
