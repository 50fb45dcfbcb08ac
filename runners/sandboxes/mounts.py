"""Unmounting, which a sandbox needs whose file systems lie in the host's own mount namespace."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
_libc = ctypes.CDLL(None, use_errno=True)


def unmount(place: Path) -> None:
    """Unmount everything that is mounted at `place`; harmless when nothing is. Raises OSError."""
    while True:
        # Detached: a namespace that is just being torn down still holds it, and must not hold us up.
        if _libc.umount2(os.fsencode(place), _MNT_DETACH | _UMOUNT_NOFOLLOW) != 0:
            code = ctypes.get_errno()
            if code in (errno.EINVAL, errno.ENOENT):
                return
            raise OSError(code, f"cannot unmount: {os.strerror(code)}", str(place))
