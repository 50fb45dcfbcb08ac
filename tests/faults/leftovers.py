"""What a run may leave on the host: nothing."""

from __future__ import annotations

import contextlib
import glob
import json
import sqlite3
from pathlib import Path

import psutil
import pytest

from tests.stack import Stack, eventually

FIRST_SANDBOX_UID = 100_000


def of(stack: Stack, pid: int) -> bool:
    """Whether a process belongs to this stack's sandboxes: its words or what is mounted in it name the stack."""
    with contextlib.suppress(OSError):
        process = Path("/proc") / str(pid)
        return any(
            str(stack.var) in (process / name).read_bytes().decode(errors="replace")
            for name in ("cmdline", "mountinfo")
        )
    return False


def idle(stack: Stack) -> set[int]:
    """Processes of warm sandboxes that nobody has used: they are there on purpose."""
    found = set()
    for file in (stack.var / "agent" / "warm").glob("*/shim.json"):
        with contextlib.suppress(OSError, psutil.Error):
            shim = psutil.Process(json.loads(file.read_text())["pid"])
            found |= {shim.pid, *(child.pid for child in shim.children(recursive=True))}
    return found


def processes(stack: Stack) -> list[str]:
    """Processes of this stack that run as a sandbox's user, or supervise a sandbox."""
    found, waiting = [], idle(stack)
    for process in psutil.process_iter(["pid", "uids", "cmdline"]):
        uids, words = process.info["uids"], process.info["cmdline"] or []
        if process.info["pid"] in waiting:
            continue
        jailed = uids is not None and uids.real >= FIRST_SANDBOX_UID
        if (jailed or any("nsjail" in w or "runners.shim" in w for w in words)) and of(
            stack, process.info["pid"]
        ):
            found.append(f"process {process.info['pid']}: {' '.join(words)[:200]}")
    return found


def cgroups(stack: Stack) -> list[str]:
    """Cgroups of this stack's attempts: they are named by their job. Other stacks may run on this host."""
    with contextlib.closing(
        sqlite3.connect(f"file:{stack.var}/podium.sqlite3?mode=ro", uri=True)
    ) as database:
        jobs = {row[0] for row in database.execute("select id from judge_job")}
    # Unlike Path.glob, this one does not mind folders that vanish meanwhile.
    names = glob.glob("/sys/fs/cgroup/**/podium/*", recursive=True)  # noqa: PTH207
    folders = [Path(name) for name in names]
    return [f"cgroup {path}" for path in folders if path.name.replace("-", "")[:32] in jobs and path.is_dir()]


def mounts(stack: Stack) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [f"mount {line}" for line in lines if str(stack.var) in line]


def run_folders(stack: Stack) -> list[str]:
    return [f"folder {path}" for path in (stack.var / "agent" / "runs").glob("*")]


def nothing_is_left(stack: Stack) -> None:
    """Fail unless the host is as clean as before the run within ten seconds."""

    def left() -> list[str]:
        return processes(stack) + cgroups(stack) + mounts(stack) + run_folders(stack)

    with contextlib.suppress(pytest.fail.Exception):
        eventually(lambda: not left(), within_s=10)
    assert left() == []
