"""What a zip that a stranger packed may hold, told from its table of contents alone.

The site asks before it takes an upload, a runner before it unpacks one, and `runners.sandboxes.trees` packs by the same
rules. Of an archive never more than MAX_TABLE bytes are read at once, and every member is refused that is not an
ordinary file or directory at a plain relative place. Nothing here writes. Standard library only.
"""

from __future__ import annotations

import enum
import io
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from typing import BinaryIO

MAX_BYTES = 4 << 30  # of an unpacked tree, unless the caller says less
MAX_FILES = 10_000  # directories count as well
MAX_TABLE = 2 << 20  # of a table of contents: it is read whole, and takes many times as much memory
MAX_DEPTH = 20
MAX_NAME, MAX_PATH = 200, 1000  # bytes
# Far beyond what data and code shrink by; a small archive may hold what it likes.
MAX_RATIO, RATIO_FROM = 200, 16 << 20
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    ValueError,
)
HEADERS = 30 + 20 + 46 + 28  # of one member in an archive, beside its name, which stands there twice
ENDING = 22 + 56 + 20  # of a table of contents
_TYPES = (0, stat.S_IFREG, stat.S_IFDIR)
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # by password, strongly, with a masked table
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


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


def look(file: BinaryIO, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> list[str]:
    """The files of an archive, from its table of contents alone. Raises BadArchive for one that is refused."""
    with opened(file) as archive:
        return [info.filename for info in checked(archive, file, max_bytes, max_files) if not info.is_dir()]


def member(file: BinaryIO, name: str, limit: int) -> bytes:
    """At most the first `limit` bytes of one file of an archive. Raises BadArchive, KeyError."""
    with opened(file) as archive:
        try:
            with archive.open(name) as content:
                return content.read(limit)
        except UNREADABLE as error:
            raise BadArchive(Fault.DAMAGED, name) from error


class Members:
    """What was met so far, in either direction; raises BadArchive for what may not be in one tree."""

    def __init__(self, max_bytes: int, max_files: int) -> None:
        self._bytes_left, self._table_left, self.left = max_bytes, MAX_TABLE - ENDING, max_files
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
        self._table_left -= HEADERS // 2 + len(place.encode())
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


def opened(file: BinaryIO) -> zipfile.ZipFile:
    file.seek(0)
    try:
        return zipfile.ZipFile(_Doorkeeper(file))
    except BadArchive:
        raise
    except (*UNREADABLE, OSError) as error:  # OSError: a place before the file's beginning
        raise BadArchive(Fault.NOT_A_ZIP) from error


def checked(
    archive: zipfile.ZipFile, file: BinaryIO, max_bytes: int, max_files: int
) -> list[zipfile.ZipInfo]:
    members = Members(max_bytes, max_files)
    infos = archive.infolist()
    if len(infos) > max_files:
        raise BadArchive(Fault.TOO_MANY)
    for info in infos:
        # The name that is written to; zipfile cuts it at a NUL, and newer ones take another from an extra field.
        if "\0" in info.orig_filename or not info.filename:
            raise BadArchive(Fault.NAME, info.orig_filename)
        _check_member(info)
        members.add(info.filename.removesuffix("/"), info.file_size, directory=info.is_dir())
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
