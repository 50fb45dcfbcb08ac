"""The file systems of one attempt, mounted in the shim's private mount namespace: gone when it is gone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from pathlib import Path

from runners.spec import Limits

_MS_NOSUID, _MS_NODEV = 2, 4
_libc = ctypes.CDLL(None, use_errno=True)
_OWN_INODES = 5  # the tmpfs' root, output, tmp, tmp/home, shm


class Box:
    """`<rundir>/box`: a small tmpfs with a minimal /etc, and in it `files`, the sized tmpfs for writing."""

    def __init__(self, root: Path, limits: Limits, uid: int) -> None:
        """Mount and fill both. `uid` will own the writable directories (0: the ordinary user that we are)."""
        self.root = root
        self.files = root / "files"
        root.mkdir(exist_ok=True)
        # nsjail puts the mount point of its new root below /run/user: keep that off the host.
        _mount_tmpfs(Path("/run"), "size=1m,mode=0755")
        _mount_tmpfs(root, "size=2m,mode=0755")
        for name in ("etc", "empty", "files"):
            (root / name).mkdir(mode=0o755)
        _fill_etc(root / "etc", uid)
        inodes = limits.inodes + _OWN_INODES
        _mount_tmpfs(self.files, f"size={limits.disk_mb}m,nr_inodes={inodes},mode=0755")
        for name in ("output", "tmp", "tmp/home", "shm"):
            (self.files / name).mkdir(mode=0o700)
            os.chown(self.files / name, uid, uid)

    def open_output(self) -> int:
        """A descriptor of /output, to be taken before the program can touch anything."""
        return os.open(self.files / "output", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _fill_etc(etc: Path, uid: int) -> None:
    inside = uid or 1000
    texts = {
        "passwd": f"root:x:0:0::/:/usr/sbin/nologin\npodium:x:{inside}:{inside}::/tmp/home:/bin/sh\n",
        "group": f"root:x:0:\npodium:x:{inside}:\n",
        "hosts": "127.0.0.1 localhost podium\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
    for name, text in texts.items():
        (etc / name).write_text(text, "ascii")
    with contextlib.suppress(FileNotFoundError):  # without it libraries are found more slowly
        shutil.copyfile("/etc/ld.so.cache", etc / "ld.so.cache")
    alternatives = Path("/etc/alternatives")
    if alternatives.is_dir():  # links only: which BLAS, which awk
        shutil.copytree(alternatives, etc / "alternatives", symlinks=True)


def _mount_tmpfs(place: Path, options: str) -> None:
    arguments = (b"podium", os.fsencode(place), b"tmpfs", _MS_NOSUID | _MS_NODEV, options.encode())
    if _libc.mount(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot mount a tmpfs: {os.strerror(code)}", str(place))
