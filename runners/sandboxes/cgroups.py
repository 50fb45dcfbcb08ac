"""The attempt's own cgroup, on cgroup v2 or v1: made, limited, read and removed here.

Theory of operation. One directory `podium/<name>` per hierarchy: one under v2, one under each of memory, pids
and cpuacct under v1. We own it, so its counters outlive the program; they are read from this leaf, because
under v1 a parent does not count a child's kills. As root it stands at the top of the mounted hierarchy, else
in the nearest ancestor of our own cgroup that was delegated to us. What cannot be made is missing from
`enforces`, and the shim watches instead. At the top it is nobody else's business: systemd leaves alone what it did
not make, and takes no controller away that is in use.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import time
from pathlib import Path

PARENT = "podium"
_NEAR = 4 << 20
WANTED = ("memory", "pids", "cpuacct")
_PERIOD_US = 100_000
_CLONE_NEWCGROUP = 0x0200_0000
_libc = ctypes.CDLL(None, use_errno=True)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


class Cgroup:
    """An attempt's directories by what they enforce ("memory", "pids", "cpuacct"); all one under v2."""

    def __init__(self, directories: dict[str, Path], *, unified: bool) -> None:
        self.directories = directories
        self.unified = unified

    @property
    def enforces(self) -> frozenset[str]:
        return frozenset(self.directories)

    @property
    def paths(self) -> list[Path]:
        return list(dict.fromkeys(self.directories.values()))

    def limit(self, *, memory_bytes: int, pids: int) -> None:
        """Set the hard limits, or set them anew. Swap is off: with it a memory limit says nothing."""
        if memory := self.directories.get("memory"):
            if self.unified:
                _write(memory / "memory.max", memory_bytes)
                _write_if_there(memory / "memory.swap.max", 0)
                _write_if_there(memory / "memory.oom.group", 1)  # a killed child takes its trainer along
            else:
                # The second is never below the first: to raise both it goes first, to lower them last.
                _write_if_there(memory / "memory.memsw.limit_in_bytes", memory_bytes)
                _write(memory / "memory.limit_in_bytes", memory_bytes)
                _write_if_there(memory / "memory.memsw.limit_in_bytes", memory_bytes)
                _write_if_there(memory / "memory.max_usage_in_bytes", 0)  # the peak counts from here
                _write_if_there(memory / "memory.swappiness", 0)
        if directory := self.directories.get("pids"):
            _write(directory / "pids.max", pids)

    def share_processors(self, *, weight: int, most: int) -> None:
        """Version 2: a weight beside other runs (100 is usual) and a quota of `most` processors, 0 for none.

        Raises OSError where the processors are not ours to share out.
        """
        (path,) = self.paths
        _write(path / "cpu.weight", weight)
        _write(path / "cpu.max", f"{most * _PERIOD_US if most else 'max'} {_PERIOD_US}")

    def take(self, pid: int) -> None:
        """Move a process in; harmless when it has ended. Raises OSError."""
        for path in self.paths:
            with contextlib.suppress(ProcessLookupError):
                _write(path / "cgroup.procs", pid)

    def enter(self) -> None:
        """Move the calling process (single-threaded) in."""
        for path in self.paths:
            _write(path / "cgroup.procs", 0)

    def processes(self) -> list[int]:
        """Pids inside, in the reader's pid namespace; 0 stands for one that namespace does not know."""
        found: set[int] = set()
        for path in self.paths:
            with contextlib.suppress(FileNotFoundError):
                found.update(int(line) for line in (path / "cgroup.procs").read_text("ascii").split())
        return sorted(found)

    def kill(self) -> None:
        """SIGKILL everything inside; repeated by the caller until `processes` is empty."""
        for path in self.paths:
            if (path / "cgroup.kill").exists():
                _write(path / "cgroup.kill", 1)
        for pid in self.processes():
            if pid > 1:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)

    def remove(self, *, within_s: float = 2.0) -> None:
        """Remove the directories; the kernel needs a moment after the last process. Raises OSError."""
        deadline = time.monotonic() + within_s
        for path in self.paths:
            while True:
                try:
                    path.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.005)
                else:
                    break

    def memory_stat(self) -> tuple[int, int]:
        """(anonymous bytes with swap, shmem bytes); tmpfs files are shmem."""
        fields = _fields(self.directories["memory"] / "memory.stat")
        if self.unified:
            return fields.get("anon", 0), fields.get("shmem", 0)
        return fields.get("rss", 0) + fields.get("swap", 0), fields.get("shmem", 0)

    def oom_kills(self) -> tuple[int, bool]:
        """(processes killed for memory, whether our own limit was reached; else the host ran out)."""
        directory = self.directories.get("memory")
        if directory is None:
            return 0, False
        if self.unified:
            events = _fields(directory / "memory.events")
            return events.get("oom_kill", 0), events.get("oom", 0) > 0
        kills = _fields(directory / "memory.oom_control").get("oom_kill", 0)
        # failcnt stays 0 on some kernels; the peak stops short of the limit by a batch or a huge page.
        peak = _number(directory / "memory.max_usage_in_bytes")
        return kills, peak + _NEAR >= _number(directory / "memory.limit_in_bytes")

    def refused_forks(self) -> int:
        directory = self.directories.get("pids")
        return _fields(directory / "pids.events").get("max", 0) if directory else 0

    def cpu_s(self) -> float:
        directory = self.directories["cpuacct"]
        if self.unified:
            return _fields(directory / "cpu.stat").get("usage_usec", 0) / 1e6
        return _number(directory / "cpuacct.usage") / 1e9


def candidates(name: str) -> list[Path]:
    """Every directory that an attempt of this name may have on this host, whether or not it is there."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a cgroup")
    tops = [parent for mount, controller in hierarchies() for parent in _parents(mount, controller)]
    return list(dict.fromkeys(top / PARENT / name for top in tops))


def left_over(name: str) -> Cgroup | None:
    """What an attempt of this name has left on this host."""
    paths = [path for path in candidates(name) if path.is_dir()]
    return Cgroup({str(path): path for path in paths}, unified=False) if paths else None


def create(name: str) -> Cgroup | None:
    """Make the attempt's cgroup; None when this process may not make one that limits anything."""
    if (old := left_over(name)) is not None:  # counters must start at zero
        old.remove(within_s=0.5)
    made: dict[str, Path] = {}
    for mount, controller in hierarchies():
        for parent in _parents(mount, controller):
            path = _create_in(parent, name, unified=not controller)
            if path is None:
                continue
            if not controller:
                return Cgroup(dict.fromkeys(WANTED, path), unified=True)
            made[controller] = path
            break
    return Cgroup(made, unified=False) if made else None


def _create_in(parent: Path, name: str, *, unified: bool) -> Path | None:
    path = parent / PARENT / name
    try:
        if unified:
            _enable(parent)
        path.parent.mkdir(exist_ok=True)
        if unified:
            _enable(path.parent)
        path.mkdir()
    except OSError:
        return None
    if _may_enter(path):
        return path
    path.rmdir()
    return None


def _enable(directory: Path) -> None:
    control = directory / "cgroup.subtree_control"
    missing = {"memory", "pids"} - set(control.read_text("ascii").split())
    if missing:
        _write(control, " ".join(f"+{controller}" for controller in sorted(missing)))
    with contextlib.suppress(OSError):  # sharing out processors is more than limits need
        _write(control, "+cpu")


def _may_enter(path: Path) -> bool:
    """Whether a child of ours can be put there. Only trying tells: the common ancestor has a say."""
    child = os.fork()
    if child == 0:
        try:
            _write(path / "cgroup.procs", 0)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def place_of(pid: int) -> Path:
    """The directory that a process is in under version 2, as this process sees it. Raises OSError."""
    (mount,) = (mount for mount, controller in hierarchies() if not controller)
    for line in Path(f"/proc/{pid}/cgroup").read_text("utf-8").splitlines():
        if line.startswith("0::"):
            return mount / line[3:].lstrip("/")
    raise ProcessLookupError(f"process {pid} is in no cgroup")


def see_the_hosts(first: int = 1) -> None:
    """Take the host's view of its cgroups, from a container that shares the host's pids. Raises OSError.

    Only who has it may move a process out of the container's own part (cgroup v2, mounted as systemd does). Where the
    host's first process may not be looked at, all stays as it is.
    """
    host = Path(f"/proc/{first}/ns/cgroup")
    with contextlib.suppress(PermissionError, FileNotFoundError):
        if host.samefile("/proc/self/ns/cgroup"):
            return
        handle = os.open(host, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(handle, _CLONE_NEWCGROUP) != 0:
                code = ctypes.get_errno()
                raise OSError(code, f"cannot see the host's cgroups: {os.strerror(code)}")
        finally:
            os.close(handle)


def hierarchies() -> list[tuple[Path, str]]:
    """Mounts that can limit: [(mount, "")] for v2 with controllers, else (mount, controller) of each v1."""
    v1: list[tuple[Path, str]] = []
    for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        before, _, after = line.partition(" - ")
        mount = Path(before.split()[4])
        kind, _, options = after.split(maxsplit=2)
        if kind == "cgroup2":
            with contextlib.suppress(OSError):
                if "memory" in (mount / "cgroup.controllers").read_text("ascii").split():
                    return [(mount, "")]
        elif kind == "cgroup":
            v1 += [(mount, option) for option in options.split(",") if option in WANTED]
    return v1


def _parents(mount: Path, controller: str) -> list[Path]:
    """Directories to try: as root the mount's top first, else our own cgroup and upwards."""
    own = mount
    for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(",") and (mount / path.lstrip("/")).is_dir():
            own = mount / path.lstrip("/")
    upwards = [own, *(parent for parent in own.parents if parent.is_relative_to(mount))]
    return upwards[::-1] if os.geteuid() == 0 else upwards


def _fields(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in path.read_text("ascii").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}  # noqa: PLR2004 - "name value"


def _number(path: Path) -> int:
    return int(path.read_text("ascii"))


def _write(path: Path, value: int | str) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write(str(value))


def _write_if_there(path: Path, value: int) -> None:
    if path.exists():
        with contextlib.suppress(OSError):  # a kernel without swap accounting
            _write(path, value)
