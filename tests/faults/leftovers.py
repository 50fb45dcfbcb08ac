"""What a run may leave on the host: nothing."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
from pathlib import Path

import psutil
import pytest

from tests.stack import Stack, eventually

FIRST_SANDBOX_UID = 100_000
ATTEMPT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+")
DISK = "podium-disk"  # the source that the file systems of tests/faults/chaos/disks.py name


def of(stack: Stack, pid: int) -> bool:
    """Whether a process belongs to this stack's sandboxes: its words or what is mounted in it name the stack."""
    var = str(stack.var)
    with contextlib.suppress(OSError):
        process = Path("/proc") / str(pid)
        if var in (process / "cmdline").read_bytes().decode(errors="replace"):
            return True
        disks = {_device(host) for host in hosts(stack) if host.is_mount()}
        lines = (process / "mountinfo").read_bytes().decode(errors="replace").splitlines()
        # A small disk of a test is seen whole in every mount namespace of the machine, a part of it only in our own.
        return any(
            (var in line and DISK not in line) or (line.split()[2] in disks and line.split()[3] != "/")
            for line in lines
        )
    return False


def _device(place: Path) -> str:
    number = place.stat().st_dev
    return f"{os.major(number)}:{os.minor(number)}"


def hosts(stack: Stack) -> list[Path]:
    """The directories of the agents that work for this stack."""
    return sorted(path.parent for path in stack.var.glob("*/runs"))


def idle(stack: Stack) -> set[int]:
    """Processes of warm sandboxes that nobody has used: they are there on purpose."""
    found = set()
    for file in (file for host in hosts(stack) for file in (host / "warm").glob("*/shim.json")):
        with contextlib.suppress(OSError, ValueError, psutil.Error):
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
    # Unlike Path.glob, this one does not mind folders that vanish meanwhile.
    names = glob.glob("/sys/fs/cgroup/**/podium/*", recursive=True)  # noqa: PTH207
    attempts = [Path(name) for name in names if ATTEMPT.fullmatch(Path(name).name)]
    if not attempts:
        return []
    program = "from judge.models import Job\nprint(*Job.objects.values_list('pk', flat=True))"
    jobs = set(stack.query(program).split())
    return [f"cgroup {path}" for path in attempts if path.name[:36] in jobs and path.is_dir()]


def mounts(stack: Stack) -> list[str]:
    """What is mounted below var/, but for the small disks that a test has put there."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [f"mount {line}" for line in lines if str(stack.var) in line and DISK not in line]


def run_folders(stack: Stack) -> list[str]:
    return [f"folder {path}" for host in hosts(stack) for path in (host / "runs").glob("*")]


def left_of(stack: Stack, *, within_s: float) -> list[str]:
    """What is still there when so much time is over; empty as soon as nothing is."""
    left: list[str] = []

    def none() -> bool:
        left[:] = processes(stack) + cgroups(stack) + mounts(stack) + run_folders(stack)
        return not left

    with contextlib.suppress(pytest.fail.Exception):
        eventually(none, within_s=within_s)
    return left


def nothing_is_left(stack: Stack) -> None:
    """Fail unless the host is as clean as before the run within ten seconds."""
    assert left_of(stack, within_s=10) == []
