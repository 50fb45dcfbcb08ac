"""Who has a device: one lock file for each below the agent's directory, so that there is never a second run on it.

Theory of operation. A lease is an exclusive flock. The slot takes it before it asks for a job; the shim
inherits the descriptor, the slot closes its own, and from then on the kernel lets go of the lock when the shim
dies, whatever becomes of the agent. That alone says that no shim has the device, not that no program has: a
shim that was killed by force may leave a container. So the file also names the run, and while that run's
directory stands without the facts of an orderly end, in which every process was seen dead, the device is not
free. An agent removes the directory only after it has reaped the run.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from runners.gpu.driver import SAFE_ID

FACTS = Path("sandbox", "facts.json")  # of a run directory
_MOST = 200  # bytes of a run's name


class Lease:
    """Held while the descriptor is open, here or in a shim."""

    def __init__(self, device: str, handle: int) -> None:
        self.device, self.handle = device, handle

    def assign(self, run: str) -> None:
        """Write down whose it is; before the shim starts."""
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, run.encode(), 0)

    def let_go(self) -> None:
        """Close this process's descriptor; harmless when that is done."""
        if self.handle >= 0:
            os.close(self.handle)
        self.handle = -1


class Leases:
    """The lock files in `directory`; `runs` is where the run directories stand."""

    def __init__(self, directory: Path, runs: Path) -> None:
        self._directory, self._runs = directory, runs

    def take(self, device: str) -> Lease | None:
        """The device for the caller alone; None when a run has it. Raises OSError, ValueError for a strange id."""
        if not SAFE_ID.fullmatch(device):
            raise ValueError(f"{device!r} cannot name a device")
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._directory / device, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        lease = Lease(device, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._may_live(os.pread(handle, _MOST, 0).decode("utf-8", "replace")):
                return lease
        except BlockingIOError:
            pass
        except BaseException:
            lease.let_go()
            raise
        lease.let_go()
        return None

    def _may_live(self, run: str) -> bool:
        """Whether something of the run that had the device last may still use it."""
        if not run or Path(run).name != run:
            return False
        directory = self._runs / run
        try:
            ended = json.loads((directory / FACTS).read_text("utf-8"))
        except (OSError, ValueError):
            return directory.exists()
        return "facts" not in ended
