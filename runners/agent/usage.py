"""What a running sandbox uses at this moment, for people who watch it. Verdicts never come from here."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

from runners.sandboxes import cgroups

TICKS = os.sysconf("SC_CLK_TCK")


def sample(rundir: Path) -> dict[str, float]:
    """Seconds and bytes: wall_s, cpu_s, memory, disk; a figure that this host cannot tell is left out."""
    with suppress(OSError, ValueError, KeyError):
        shim = json.loads((rundir / "shim.json").read_text("utf-8"))
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        figures = {"wall_s": round(max(0.0, now - shim["start"] / TICKS), 2)}
        for directory in cgroups.candidates(rundir.name):
            figures |= _counters(directory)
        if "memory" not in figures:
            figures |= _added_up(shim["pid"])
        with suppress(OSError):  # the sandbox's files are mounted for the shim alone
            space = os.statvfs(f"/proc/{shim['pid']}/root{rundir}/box/files")
            figures["disk"] = (space.f_blocks - space.f_bfree) * space.f_frsize
        return figures
    return {}


def _counters(directory: Path) -> dict[str, float]:
    """The figures of one cgroup directory, of either version."""
    figures: dict[str, float] = {}
    with suppress(OSError, ValueError):
        memory = _fields(directory / "memory.stat")
        figures["memory"] = memory["anon"] if "anon" in memory else memory["rss"]
    with suppress(OSError, ValueError, KeyError):
        figures["cpu_s"] = _fields(directory / "cpu.stat")["usage_usec"] / 1e6
    with suppress(OSError, ValueError):
        figures["cpu_s"] = int((directory / "cpuacct.usage").read_text("ascii")) / 1e9
    return figures


def _added_up(shim: int) -> dict[str, float]:
    """Where no cgroup counts: what the processes below the shim have now; those that ended are forgotten."""
    figures = {"memory": 0.0, "cpu_s": 0.0}
    with suppress(psutil.Error):
        for process in psutil.Process(shim).children(recursive=True):
            with suppress(psutil.Error):
                figures["memory"] += process.memory_info().rss
                figures["cpu_s"] += sum(process.cpu_times()[:2])
    return figures


def _fields(path: Path) -> dict[str, int]:
    return {
        name: int(value) for name, value in (line.split() for line in path.read_text("ascii").splitlines())
    }
