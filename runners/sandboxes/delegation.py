"""Step aside in a delegated cgroup, so that what was delegated can be given on to runs (cgroup v2).

Theory of operation. Under version 2 a directory either holds processes or hands controllers to the directories below
it, never both. A systemd unit with Delegate=yes starts its program in the delegated directory itself: while the
program stays there, no cgroup below it limits anything. So whoever is about to start sandboxes first moves the
directory's processes into a leaf of it. It moves processes that are not its own only where systemd says that the whole
unit was handed over; a terminal's scope with somebody's shell in it is left alone.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from runners.sandboxes import cgroups

LEAF = "podium-agent"
NEEDED = frozenset({"memory", "pids"})
_ROUNDS = 5  # a process that forks while it is moved leaves a child behind


def step_aside() -> bool:
    """Move the processes of our own cgroup into a leaf of it where that makes limits possible; whether that was done.

    Harmless to repeat, and where there is nothing to gain: version 1, no delegation, already aside. Raises nothing.
    """
    with contextlib.suppress(OSError):
        own = _own()
        if own is not None and _is_in_the_way(own) and _may_move_all(own):
            return _move(own)
    return False


def _own() -> Path | None:
    mounts = [mount for mount, controller in cgroups.hierarchies() if not controller]
    for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
        if mounts and line.startswith("0::"):
            return mounts[0] / line[3:].lstrip("/")
    return None


def _is_in_the_way(own: Path) -> bool:
    """Whether controllers could be given on from here if nobody stood in it. The host's top has no such rule."""
    given_on = set((own / "cgroup.subtree_control").read_text("ascii").split())
    had = set((own / "cgroup.controllers").read_text("ascii").split())
    below_top = (own / "cgroup.type").exists()
    ours = os.access(own, os.W_OK) and os.access(own / "cgroup.procs", os.W_OK)
    return below_top and ours and had >= NEEDED and not given_on >= NEEDED


def _may_move_all(own: Path) -> bool:
    with contextlib.suppress(OSError):
        if os.getxattr(own, "user.delegate") == b"1":  # set by systemd on units with Delegate=yes
            return True
    return all(_is_family(pid) for pid in _processes(own))


def _is_family(pid: int) -> bool:
    """Whether a process is this one or below it."""
    me = os.getpid()
    while pid > 1 and pid != me:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        except FileNotFoundError:
            return True  # it has ended and stands in nobody's way
        pid = int(stat.rpartition(")")[2].split()[1])
    return pid == me


def _move(own: Path) -> bool:
    leaf = own / LEAF
    leaf.mkdir(exist_ok=True)
    for _ in range(_ROUNDS):
        there = _processes(own)
        if not there:
            return True
        for pid in there:
            with contextlib.suppress(ProcessLookupError):
                (leaf / "cgroup.procs").write_text(str(pid), "ascii")
    return False


def _processes(directory: Path) -> list[int]:
    return [int(line) for line in (directory / "cgroup.procs").read_text("ascii").split()]
