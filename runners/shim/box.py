"""The file systems of one attempt, mounted in the shim's private mount namespace: gone when it is gone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from pathlib import Path

from runners import hook
from runners.sandboxes.plan import SandboxPlan

_MS_NOSUID, _MS_NODEV, _MS_REMOUNT = 2, 4, 32
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)
_OWN_INODES = 6  # the tmpfs' root, output, tmp, tmp/home, shm, model
_WRITABLE = ("output", "tmp", "tmp/home", "shm")


class Box:
    """`<rundir>/box`: a small tmpfs with a minimal /etc, and in it `files`, the sized tmpfs for writing."""

    def __init__(self, root: Path, plan: SandboxPlan, uid: int) -> None:
        """`uid` will own the writable directories (0: the ordinary user that we are)."""
        self.root, self.files = root, root / "files"  # absolute, and only until the run directory is renamed
        self.here = Path(root.name)  # from the shim's working directory, which is the run directory: always
        self._uid = uid
        self._size = _size(plan)
        self._writable = (*_WRITABLE, "model") if plan.tree == "/model" else _WRITABLE

    def mount(self) -> None:
        """Mount and fill both."""
        self.root.mkdir(exist_ok=True)
        mount_tmpfs(self.root, "size=2m,mode=0755")
        for name in ("etc", "empty", "files"):
            (self.root / name).mkdir(mode=0o755)
        _fill_etc(self.root / "etc", self._uid)
        mount_tmpfs(self.files, self._size)
        for name in self._writable:
            (self.files / name).mkdir(mode=0o700)
            os.chown(self.files / name, self._uid, self._uid)

    def put_hook(self) -> None:
        """Lay runners.hook where a held interpreter looks for it: below /etc, which is ours."""
        (self.root / "etc" / "podium").mkdir()
        for source in hook.SOURCES:
            shutil.copyfile(source, self.root / "etc" / "podium" / source.name)

    def take_hook(self) -> None:
        shutil.rmtree(self.here / "etc" / "podium")

    def resize(self, plan: SandboxPlan) -> None:
        """Give the tmpfs the size of another plan. Raises OSError when more than that is in it already."""
        mount_tmpfs(self.here / "files", _size(plan), _MS_REMOUNT)

    def unmount(self) -> None:
        """Take both away, whoever still looks at them."""
        for place in (self.here / "files", self.here):
            _libc.umount2(os.fsencode(place), _MNT_DETACH)

    def open(self, name: str) -> int:
        """A descriptor of a writable directory, to be taken before the program can touch anything."""
        return os.open(self.files / name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def mount_tmpfs(place: Path, options: str, flags: int = 0) -> None:
    arguments = (b"podium", os.fsencode(place), b"tmpfs", flags | _MS_NOSUID | _MS_NODEV, options.encode())
    if _libc.mount(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"cannot mount a tmpfs: {os.strerror(code)}", str(place))


def _size(plan: SandboxPlan) -> str:
    return f"size={plan.limits.disk_mb}m,nr_inodes={plan.limits.inodes + _OWN_INODES},mode=0755"


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
    _link_alternatives(etc / "alternatives")


def _link_alternatives(target: Path) -> None:
    """Which BLAS, which awk. Hundreds of links, made for each run, so by names alone, and those of manuals left out."""
    target.mkdir()
    with contextlib.suppress(FileNotFoundError), os.scandir("/etc/alternatives") as entries:
        for entry in entries:
            if not entry.name.endswith(".gz") and entry.is_symlink():
                os.symlink(os.readlink(entry.path), f"{target}/{entry.name}")  # noqa: PTH115, PTH211 - see above
