"""What a run may leave on the host: nothing. Looked for by the run's own names, so that others may run beside it.

Theory of operation. A job's sandbox is named by its job wherever it can be: its run directory, and through it every
mount and every mount table of its processes. A warm sandbox waits under another name, which its cgroup and its
container keep, so a watch on the agent's folder notes these names while its directory is there. At the end, when the
agent itself is gone, nothing may be left that mentions the site's folder at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil

from runners.sandboxes.choice import docker_host
from runners.sandboxes.docker import containers
from runners.sandboxes.engine import Engine, EngineError

WITHIN_S = 10.0  # so soon after its verdict a run has left nothing
FIRST_SANDBOX_UID = 100_000
LOOK_EVERY_S = 0.1
SHARED = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - where a sandbox's user could leave something
SPARE_BYTES, SPARE_FILES = 4 << 20, 40  # what an agent's folder may grow by: its own records
_KEPT = ("cache", "warm")  # of the agent's folder: what is meant to stay while it runs


@dataclasses.dataclass(frozen=True, slots=True)
class Use:
    """What a folder takes of the disk."""

    bytes: int
    files: int


class Watch:
    """Looks at one site's folder; a thread of its own notes names as long as the block runs."""

    def __init__(self, var: Path, sandbox: str) -> None:
        self.var, self._agent = var, var / "agent"
        self._names: dict[str, set[str]] = {}  # of cgroups and containers, by the name of the run directory
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._note, daemon=True)
        self._engine = None if sandbox == "nsjail" else Engine(docker_host())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def jobs(self, submission: str) -> list[str]:
        """The ids of all jobs of a submission."""
        query = "select judge_job.id from judge_job join judge_run on judge_run.id = run_id where submission_id = ?"
        return [str(uuid.UUID(row[0])) for row in self.rows(query, uuid.UUID(submission).hex)]

    def rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        address = f"file:{self.var}/podium.sqlite3?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            return database.execute(query, values).fetchall()

    def after(self, jobs: list[str]) -> list[str]:
        """What is left of these jobs when WITHIN_S is over; returns at once when nothing is."""
        return gone(lambda: self._of(jobs))

    def after_all(self) -> list[str]:
        """What is left of the whole site when its processes have ended."""
        return gone(lambda: self._of([]) + strangers_files())

    def use(self) -> Use:
        """Disk and inodes of the agent's folder, without what is meant to stay."""
        size = count = 0
        for folder, folders, files in os.walk(self._agent):
            if Path(folder) == self._agent:
                folders[:] = [name for name in folders if name not in _KEPT]
            for name in files:
                with contextlib.suppress(OSError):
                    size += (Path(folder) / name).lstat().st_blocks * 512
                    count += 1
            count += len(folders)
        return Use(size, count)

    def _of(self, jobs: list[str]) -> list[str]:
        """Everything that names one of these jobs; without jobs, that names the site."""
        words = jobs or [str(self.var)]
        return [
            *(f"process {line}" for line in _processes(words)),
            *(f"mount {line}" for line in _mounts(words)),
            *(f"cgroup {path}" for path in self._left_cgroups(jobs)),
            *(f"container {name}" for name in self._containers(jobs)),
            *(f"run directory {path.name}" for path in self._run_folders(jobs)),
        ]

    def _run_folders(self, jobs: list[str]) -> list[Path]:
        found = (self._agent / "runs").glob("*") if (self._agent / "runs").is_dir() else ()
        return [path for path in found if not jobs or path.name.startswith(tuple(jobs))]

    def _left_cgroups(self, jobs: list[str]) -> list[str]:
        # Unlike Path.glob, this one does not mind folders that vanish meanwhile.
        found = glob.glob("/sys/fs/cgroup/**/podium/*", recursive=True)  # noqa: PTH207
        return [path for path in found if self._is_of(os.path.basename(path), jobs) and os.path.isdir(path)]  # noqa: PTH119, PTH112

    def _containers(self, jobs: list[str]) -> list[str]:
        if self._engine is None:
            return []
        try:
            return [name for name in containers(self._engine) if self._is_of(name, jobs)]
        except EngineError as error:
            return [f"(the daemon does not answer: {error})"]

    def _is_of(self, name: str, jobs: list[str]) -> bool:
        """Whether a cgroup or container belonged to one of these jobs; without jobs, to any run directory here."""
        if any(job in name for job in jobs):
            return True
        noted = list(self._names.items())
        return any(name in names for run, names in noted if not jobs or run.startswith(tuple(jobs)))

    def _note(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            for file in glob.glob(f"{self._agent}/*/*/sandbox.json"):  # noqa: PTH207 - as above
                run = os.path.basename(os.path.dirname(file))  # noqa: PTH119, PTH120
                with contextlib.suppress(OSError, ValueError):
                    known = json.loads(Path(file).read_text(encoding="utf-8"))
                    names = {known[kind] for kind in ("cgroup", "container") if kind in known}
                    self._names.setdefault(run, set()).update(names)


def gone(left: Callable[[], list[str]]) -> list[str]:
    """Look until nothing is left; what is left after WITHIN_S."""
    deadline = time.monotonic() + WITHIN_S
    while found := left():
        if time.monotonic() > deadline:
            return found
        time.sleep(0.05)
    return []


def strangers_files() -> list[str]:
    """Entries of the host's shared folders that belong to a sandbox's user."""
    found = []
    for folder in SHARED:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_uid >= FIRST_SANDBOX_UID:
                        found.append(f"file {entry.path}")
    return found


def grown(before: Use, after: Use) -> list[str]:
    """What disk and inode use say, if they are not back."""
    found = []
    if after.bytes > before.bytes + SPARE_BYTES:
        found.append(f"disk use grew from {before.bytes} to {after.bytes} bytes")
    if after.files > before.files + SPARE_FILES:
        found.append(f"inode use grew from {before.files} to {after.files}")
    return found


def _processes(words: list[str]) -> list[str]:
    """Processes that run as a sandbox's user or supervise one, and whose words or mounts name one of these."""
    found = []
    for process in psutil.process_iter(["pid", "uids", "cmdline"]):
        uids, argv = process.info["uids"], process.info["cmdline"] or []
        jailed = uids is not None and uids.real >= FIRST_SANDBOX_UID
        supervises = any("nsjail" in word or "runners.shim" in word for word in argv)
        if (jailed or supervises) and _names(process.info["pid"], words):
            found.append(f"{process.info['pid']}: {' '.join(argv)[:160]}")
    return found


def _names(pid: int, words: list[str]) -> bool:
    texts = []
    for name in ("cmdline", "mountinfo"):
        with contextlib.suppress(OSError):
            texts.append(Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace"))
    return any(word in text for word in words for text in texts)


def _mounts(words: list[str]) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.split(" ")[4] for line in lines if any(word in line for word in words)]
