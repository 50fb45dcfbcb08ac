"""Trees as archives: what goes in comes out, and everything a stranger could do to either side is refused."""

from __future__ import annotations

import io
import os
import random
import socket
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runners import archives
from runners.archives import BadArchive, Fault
from runners.sandboxes import trees
from runners.verdict import OutputState


@contextmanager
def opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def packed(directory: Path, destination: Path, **caps: int) -> OutputState:
    with opened(directory) as descriptor:
        state, file = trees.pack(descriptor, destination, **({"max_bytes": 1 << 20} | caps))
    assert (file is not None) == (state is OutputState.OK) == destination.exists()
    return state


def archive(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as target:
        warnings.simplefilter("ignore")  # a name twice
        for name, content in members:
            target.writestr(name, content)
    return out.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def unpacked(content: bytes, folder: Path, **caps: int) -> dict[str, bytes]:
    (folder / "a.zip").write_bytes(content)
    trees.unpack(folder / "a.zip", folder / "tree", **caps)
    return {
        str(path.relative_to(folder / "tree")): path.read_bytes()
        for path in (folder / "tree").rglob("*")
        if path.is_file()
    }


def test_a_tree_comes_back_as_it_was_and_always_as_the_same_bytes(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "deep" / "er").mkdir(parents=True)
    (model / "assets").mkdir()
    (model / "deep" / "er" / "模型 1.bin").write_bytes(random.Random(1).randbytes(100_000))
    (model / "tool").write_bytes(b"#!/bin/sh\n")
    (model / "tool").chmod(0o700)
    assert packed(model, tmp_path / "one.zip") is OutputState.OK
    os.utime(model / "tool", (1, 1))
    assert packed(model, tmp_path / "two.zip") is OutputState.OK
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    trees.unpack(tmp_path / "one.zip", tmp_path / "again")
    again = sorted(str(path.relative_to(tmp_path / "again")) for path in (tmp_path / "again").rglob("*"))
    assert again == ["assets", "deep", "deep/er", "deep/er/模型 1.bin", "tool"]
    assert (tmp_path / "again/deep/er/模型 1.bin").read_bytes() == random.Random(1).randbytes(100_000)
    modes = {stat.S_IMODE((tmp_path / "again" / name).stat().st_mode) for name in again}
    assert modes == {0o755, 0o444, 0o555}


def test_a_tree_without_files_is_missing(tmp_path: Path) -> None:
    (tmp_path / "model" / "empty").mkdir(parents=True)
    assert packed(tmp_path / "model", tmp_path / "m.zip") is OutputState.MISSING


def _link(place: Path) -> None:
    (place / "passwd").symlink_to("/etc/passwd")


def _linked_directory(place: Path) -> None:
    (place / "etc").symlink_to("/etc")


def _second_name(place: Path) -> None:
    (place / "a").write_text("x")
    (place / "b").hardlink_to(place / "a")


def _fifo(place: Path) -> None:
    os.mkfifo(place / "fifo")


def _socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, opened(place) as directory:
        server.bind(f"/proc/self/fd/{directory}/s")


def _newline(place: Path) -> None:
    (place / "a\nb").write_text("x")


def _no_text(place: Path) -> None:
    Path(os.fsdecode(os.fsencode(place) + b"/\xff")).write_text("x")


def _case_twins(place: Path) -> None:
    (place / "Model").write_text("x")
    (place / "model").write_text("x")


@pytest.mark.parametrize(
    "leave", [_link, _linked_directory, _second_name, _fifo, _socket, _newline, _no_text, _case_twins]
)
def test_a_tree_with_anything_but_plain_files_is_refused_whole(
    tmp_path: Path, leave: Callable[[Path], None]
) -> None:
    inner = tmp_path / "model" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "model" / "good").write_text("good")
    leave(inner)
    assert packed(tmp_path / "model", tmp_path / "m.zip") is OutputState.NOT_REGULAR


def _sparse(place: Path) -> None:
    with (place / "huge").open("wb") as file:
        file.truncate(1 << 40)


def _together(place: Path) -> None:
    for number in range(5):
        (place / f"part{number}").write_bytes(bytes(300_000))


def _many(place: Path) -> None:
    for number in range(60):
        (place / f"{number}").touch()


def _deep(place: Path) -> None:
    with opened(place) as at:
        here = os.dup(at)
        for _ in range(300):
            os.mkdir("d" * 200, dir_fd=here)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)


def _long_names(place: Path) -> None:
    """More names than a table of contents holds, though few files and no bytes."""
    deep = place.joinpath(*("x" * 190 for _ in range(4)))
    deep.mkdir(parents=True)
    for number in range(3000):
        (deep / f"{number}").touch()


@pytest.mark.parametrize("leave", [_sparse, _together, _many, _deep])
def test_a_tree_beyond_its_caps_is_too_big(tmp_path: Path, leave: Callable[[Path], None]) -> None:
    (tmp_path / "model").mkdir()
    leave(tmp_path / "model")
    assert packed(tmp_path / "model", tmp_path / "m.zip", max_files=50) is OutputState.TOO_BIG


def test_a_tree_whose_table_could_not_be_read_again_is_too_big(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    _long_names(tmp_path / "model")
    assert packed(tmp_path / "model", tmp_path / "m.zip", max_bytes=1 << 30) is OutputState.TOO_BIG


def test_an_archive_is_never_larger_than_was_allowed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for number in range(20):
        (tmp_path / "model" / f"{number}").write_bytes(bytes(100))
    most = next(
        size
        for size in range(2000, 10_000, 50)
        if packed(tmp_path / "model", tmp_path / f"{size}.zip", max_bytes=size) is OutputState.OK
    )
    assert (tmp_path / f"{most}.zip").stat().st_size <= most


HOSTILE: dict[str, tuple[bytes, Fault]] = {
    "up": (archive(("../evil", b"x")), Fault.NAME),
    "up inside": (archive(("a/../../evil", b"x")), Fault.NAME),
    "absolute": (archive(("/etc/cron.d/evil", b"x")), Fault.NAME),
    "here": (archive(("./a", b"x")), Fault.NAME),
    "empty part": (archive(("a//b", b"x")), Fault.NAME),
    "root": (archive(("/", b"")), Fault.NAME),
    "drive": (archive(("C:evil", b"x")), Fault.NAME),
    "backslash": (archive(("..\\evil", b"x")), Fault.NAME),
    "newline": (archive(("a\nb", b"x")), Fault.NAME),
    "escape": (archive(("a\x1b[31mb", b"x")), Fault.NAME),
    "right to left": (archive(("txt.\u202eyp.exe", b"x")), Fault.NAME),
    "long name": (archive(("a" * 201, b"x")), Fault.NAME),
    "long path": (archive(("/".join(["a" * 150] * 7), b"x")), Fault.TOO_DEEP),
    "deep": (archive(("/".join("a" * 30), b"x")), Fault.TOO_DEEP),
    "twice": (archive(("a.py", b"1"), ("a.py", b"2")), Fault.DUPLICATE),
    "by case": (archive(("a.py", b"1"), ("A.py", b"2")), Fault.DUPLICATE),
    "directory by case": (archive(("a/x", b"1"), ("A/y", b"2")), Fault.DUPLICATE),
    "by composition": (archive(("e\u0301", b"1"), ("\u00e9", b"2")), Fault.DUPLICATE),
    "file and directory": (archive(("a", b"1"), ("a/b", b"2")), Fault.DUPLICATE),
    "directory and file": (archive(("a/b", b"1"), ("a", b"2")), Fault.DUPLICATE),
    "symlink": (archive((special("a", stat.S_IFLNK | 0o777), b"/etc/passwd")), Fault.LINK),
    "device": (archive((special("a", stat.S_IFBLK | 0o666), b"")), Fault.LINK),
    "fifo": (archive((special("a", stat.S_IFIFO | 0o666), b"")), Fault.LINK),
    "socket": (archive((special("a", stat.S_IFSOCK | 0o666), b"")), Fault.LINK),
    "link as directory": (archive((special("a/", stat.S_IFLNK | 0o777), b"")), Fault.LINK),
    "bzip2": (archive(("a", b"x"), method=zipfile.ZIP_BZIP2), Fault.METHOD),
    "lzma": (archive(("a", b"x"), method=zipfile.ZIP_LZMA), Fault.METHOD),
    "ratio": (archive(("zeros", bytes(20 << 20)), method=zipfile.ZIP_DEFLATED), Fault.BOMB),
    "too large": (archive(("big", bytes(40 << 20))), Fault.TOO_LARGE),
    "too many": (archive(*((f"{n}", b"") for n in range(200))), Fault.TOO_MANY),
    "no zip": (b"hello", Fault.NOT_A_ZIP),
    "nothing": (b"", Fault.NOT_A_ZIP),
    "a tar": (b"main.py".ljust(257, b"\0") + b"ustar\x0000", Fault.NOT_A_ZIP),
    "cut short": (archive(("a.py", b"x" * 100))[:-30], Fault.NOT_A_ZIP),
    "a table of nothing": (
        bytes(3 << 20) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 9, 9, 3 << 20, 0, 0),
        Fault.TOO_MANY,
    ),
}


def patched(content: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """The archive with other bytes at `offset` of every header with this signature."""
    changed, at = bytearray(content), content.find(signature)
    while at >= 0:
        changed[at + offset : at + offset + len(value)] = value
        at = content.find(signature, at + 1)
    return bytes(changed)


_LOCAL, _TABLE = b"PK\3\4", b"PK\1\2"
_PLAIN = archive(("a.py", b"print(1)"), ("b.py", b"print(2)"))
HOSTILE |= {
    "encrypted": (patched(_PLAIN, _TABLE, 8, b"\1\0"), Fault.ENCRYPTED),
    "overlapping": (patched(_PLAIN, _TABLE, 20, struct.pack("<L", 10_000)), Fault.BOMB),
    "NUL": (patched(archive(("a.pyXsh", b"x")), _TABLE, 46, b"a.py\0sh"), Fault.NAME),
    "NUL first": (patched(archive(("a.py", b"x")), _TABLE, 46, b"\0"), Fault.NAME),
    "no name": (archive((special("", 0), b"x")), Fault.NAME),
}
DAMAGED = {
    "another content": _PLAIN.replace(b"print(1)", b"print(9)"),
    "another name": patched(_PLAIN, _LOCAL, 30, b"../x"),
    "more than announced": patched(_PLAIN, _TABLE, 24, struct.pack("<L", 4)),
    "less than announced": patched(_PLAIN, _TABLE, 24, struct.pack("<L", 4000)),
    "no deflate": patched(patched(_PLAIN, _TABLE, 10, b"\x08\0"), _LOCAL, 8, b"\x08\0"),
    "elsewhere": patched(_PLAIN, _TABLE, 42, struct.pack("<L", 7)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_from_its_table_before_anything_is_written(
    name: str, tmp_path: Path
) -> None:
    content, fault = HOSTILE[name]
    with pytest.raises(BadArchive) as seen:
        archives.look(io.BytesIO(content), max_bytes=30 << 20, max_files=100)
    assert seen.value.fault is fault
    with pytest.raises(BadArchive) as refused:
        unpacked(content, tmp_path, max_bytes=30 << 20, max_files=100)
    assert refused.value.fault is fault
    assert [path.name for path in tmp_path.rglob("*")] == ["a.zip"]


@pytest.mark.parametrize("name", DAMAGED)
def test_what_only_unpacking_shows_writes_nothing_outside_and_no_more_than_announced(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(BadArchive) as refused:
        unpacked(DAMAGED[name], tmp_path)
    assert refused.value.fault is Fault.DAMAGED
    left = {path.name: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()}
    assert set(left) <= {"a.zip", "a.py", "b.py"}
    assert all(size <= 8 for file, size in left.items() if file != "a.zip")


def test_the_name_that_is_looked_at_is_the_one_that_is_written_to() -> None:
    """Newer Pythons' zipfile takes it from an extra field (0x7075), whatever the table says: done by hand here."""
    file = io.BytesIO(archive(("a.py", b"x")))
    with archives.opened(file) as opened:
        opened.infolist()[0].filename = "../evil"
        with pytest.raises(BadArchive) as refused:
            archives.checked(opened, file, max_bytes=100, max_files=100)
    assert refused.value.fault is Fault.NAME


def test_ordinary_archives_are_taken(tmp_path: Path) -> None:
    files = {"train.py": b"print(1)", "pkg/__init__.py": b"", "pkg/data #1.csv": b"a,b\n" * 1000}
    content = archive(("pkg/", b""), *files.items(), method=zipfile.ZIP_DEFLATED)
    assert archives.look(io.BytesIO(content)) == list(files)
    assert unpacked(content, tmp_path) == files
