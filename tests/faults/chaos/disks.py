"""Small file systems of their own under a stack's var/, so that each can be filled without filling the machine's."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.faults.leftovers import DISK

SIZES_MB = {"": 400, "blobs": 100, "agent": 600, "second": 600}  # below var/; "" holds the database
FILLER = "filler"
PIECE = 1 << 20


@contextlib.contextmanager
def mounted(var: Path) -> Iterator[None]:
    """var/ and the folders in it that fill by themselves, each a file system; unmounted at the end."""
    places = []
    try:
        for name, size in SIZES_MB.items():
            place = var / name
            place.mkdir(parents=True, exist_ok=True)
            mount(place, size)
            places.append(place)
        yield
    finally:
        for place in reversed(places):
            subprocess.run(["umount", "--lazy", place], check=True)


def mount(place: Path, size_mb: int) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", DISK, place], check=True)


def fill(place: Path) -> None:
    """Take all that is left of the file system at `place`."""
    handle = os.open(place / FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for size in (PIECE, 4096):
            with contextlib.suppress(OSError):
                while True:
                    os.write(handle, bytes(size))
    finally:
        os.close(handle)


def free(place: Path) -> None:
    (place / FILLER).unlink(missing_ok=True)
