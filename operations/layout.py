"""Where the state of one machine lies below var/.

Two small promises are kept here: secrets stay private, and the way to the broker's socket is short enough.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOCKET_PATH_LIMIT = 100  # the kernel takes 107 bytes; Valkey adds a few while it starts


class UnsafeFolder(Exception):
    """A folder for sockets exists but belongs to somebody else; the message says which."""


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one site. `environments` may lie elsewhere, shared by several sites."""

    var: Path
    environments: Path

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def logs(self) -> Path:
        return self.var / "logs"

    @property
    def secrets(self) -> Path:
        return self.var / "secrets"

    @property
    def pool_tokens(self) -> Path:
        return self.secrets / "pools"

    @property
    def agent(self) -> Path:
        return self.var / "agent"

    def make(self) -> None:
        for folder in (self.run, self.logs, self.agent, self.environments):
            folder.mkdir(parents=True, exist_ok=True)
        for private in (self.secrets, self.pool_tokens):
            private.mkdir(parents=True, exist_ok=True)
            private.chmod(0o700)

    def socket(self) -> Path:
        """Where the embedded broker listens: in var/run/, or in a short private folder if that is deep."""
        usual = self.run / "valkey.sock"
        if len(os.fsencode(usual)) <= SOCKET_PATH_LIMIT:
            return usual
        name = "podium-" + hashlib.sha256(os.fsencode(self.var)).hexdigest()[:12]
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")  # noqa: TID251 - the desktop's, not a setting of ours
        if runtime and os.access(runtime, os.W_OK):
            folder = Path(runtime) / name
        else:
            folder = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if status.st_uid != os.getuid() or status.st_mode & 0o077 or folder.is_symlink():
            raise UnsafeFolder(f"{folder} is not private to this user: remove it")
        return folder / "valkey.sock"


def keep_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at no moment readable by others, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp makes it 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)
