"""Take a run's files out of its output directory without trusting anything about them.

Theory of operation. Called when every process of the run is dead, so nothing moves. Only the top level is
read, by bare names relative to a directory descriptor opened before the program started; a name is opened
without following links and without blocking, and counts only if it is a regular file with one name. Bytes are
copied through our own descriptor and hashed on the way; at most `max_bytes` in all and MAX_OUTPUT_FILES files leave
the sandbox. Names in `kept` are taken whatever became of the required file: an executed notebook says what went wrong.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import stat
from pathlib import Path

from runners.spec import MAX_OUTPUT_FILES, SAFE_NAME, OutputFile
from runners.verdict import OutputState

_MAX_SEEN = 10_000  # directory entries looked at; a program may leave as many as it has inodes
_CHUNK = 1 << 20


def collect(
    directory: int, destination: Path, *, required: str, max_bytes: int, kept: tuple[str, ...] = ()
) -> tuple[OutputState, list[OutputFile]]:
    """Copy from the open `directory` to `destination` (made here): the required file, `kept`, then others.

    Without the required file nothing is taken but `kept`.

    Returns what lay at the required file's place and the files that were copied, by name.
    """
    destination.mkdir()
    state, first = _copy(directory, required, destination, max_bytes)
    files = [] if first is None else [first]
    left = max_bytes - sum(file.size for file in files)
    others = _names(directory) if first is not None else []
    for name in (*kept, *(name for name in others if name not in {required, *kept})):
        if len(files) == MAX_OUTPUT_FILES:
            break
        _, file = _copy(directory, name, destination, left)
        if file is not None:
            files.append(file)
            left -= file.size
    return state, files


def _names(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        seen = [entry.name for entry in itertools.islice(entries, _MAX_SEEN)]
    return sorted(name for name in seen if SAFE_NAME.fullmatch(name))


def _copy(
    directory: int, name: str, destination: Path, max_bytes: int
) -> tuple[OutputState, OutputFile | None]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        source = os.open(name, flags, dir_fd=directory)
    except FileNotFoundError:
        return OutputState.MISSING, None
    except OSError:  # a link (ELOOP), a socket (ENXIO)
        return OutputState.NOT_REGULAR, None
    try:
        facts = os.fstat(source)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            return OutputState.NOT_REGULAR, None
        if facts.st_size > max_bytes:
            return OutputState.TOO_BIG, None
        digest = _copy_bytes(source, destination / name, facts.st_size)
    finally:
        os.close(source)
    return OutputState.OK, OutputFile(name=name, sha256=digest, size=facts.st_size)


def _copy_bytes(source: int, destination: Path, size: int) -> str:
    digest, left = hashlib.sha256(), size
    with destination.open("xb") as out:
        while left > 0:
            chunk = os.read(source, min(left, _CHUNK))
            if not chunk:
                raise OSError(
                    f"{destination.name} has become shorter than {size} bytes: something still writes"
                )
            digest.update(chunk)
            out.write(chunk)
            left -= len(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()
