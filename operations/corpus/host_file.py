"""A file of the host with a token that everybody there may read, at a place that cases know.

Cases make links to it: who follows them for a contestant hands the token out. Several passes may run on one host, so
the file holds a line for each and goes with the last.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from operations.running import NotPossible

FILE = Path("/tmp/podium-corpus-canary")  # noqa: S108 - its name is known on purpose; links are not followed


@contextlib.contextmanager
def planted(token: str, file: Path = FILE) -> Iterator[None]:
    """The file holds the token while the block runs. Raises NotPossible when somebody else's file is there."""
    with _locked(file) as descriptor:
        os.lseek(descriptor, 0, os.SEEK_END)
        os.write(descriptor, f"{token}\n".encode())
    try:
        yield
    finally:
        with _locked(file) as descriptor:
            os.lseek(descriptor, 0, os.SEEK_SET)
            rest = os.read(descriptor, 1 << 20).replace(f"{token}\n".encode(), b"")
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, rest, 0)
            if not rest:
                file.unlink()


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[int]:
    while True:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise NotPossible(f"{file} cannot be written ({error.strerror}): remove it") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:  # else the last holder has just removed it
                os.fchmod(descriptor, 0o644)
                yield descriptor
                return
        finally:
            os.close(descriptor)
