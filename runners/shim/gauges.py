"""What a running sandbox uses, sampled every few milliseconds by the supervisor.

Kernel counters of the attempt's cgroup where there is one. Where there is none (an ordinary user without
delegation) the same figures are added up from /proc: our pid namespace holds this run and nothing else. Those
limits are *soft*.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
from pathlib import Path

from runners.sandboxes.cgroups import Cgroup

_KIB = 1024
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Bytes and CPU seconds in use now; counters since the start."""

    memory: int
    cpu_s: float
    oom_kills: int
    host_out_of_memory: bool  # a process was killed for memory although our own limit was never reached
    refused_forks: int
    disk: int
    disk_full: bool


class Gauges:
    """Samples of one attempt, which begins now. `files` is the mounted tmpfs for everything the program writes."""

    def __init__(self, cgroup: Cgroup | None, files: Path, memory_limit: int) -> None:
        self._cgroup = cgroup
        self._files = files
        self._memory_limit = memory_limit
        self._cpu_s = 0.0
        enforced = cgroup.enforces if cgroup else frozenset()
        self._kernel_memory = "memory" in enforced
        self._kernel_cpu = "cpuacct" in enforced
        # What a warm sandbox did before it had a job is nobody's.
        self._cpu_before_s = self._cpu()
        self._refused_before = cgroup.refused_forks() if cgroup else 0
        self.soft_limits = tuple(
            name for name, hard in (("memory", self._kernel_memory), ("cpu", self._kernel_cpu)) if not hard
        )

    def sample(self) -> Sample:
        """Read everything once; about 0.1 ms with a cgroup. Files count as disk, not as memory."""
        disk = os.statvfs(self._files)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        kills, ours = self._cgroup.oom_kills() if self._cgroup else (0, False)
        return Sample(
            memory=self._memory(used),
            cpu_s=self._cpu() - self._cpu_before_s,
            oom_kills=kills,
            host_out_of_memory=kills > 0 and not ours,
            refused_forks=self._cgroup.refused_forks() - self._refused_before if self._cgroup else 0,
            disk=used,
            disk_full=disk.f_bfree == 0 or disk.f_ffree == 0,
        )

    def _memory(self, files: int) -> int:
        if self._cgroup is not None and self._kernel_memory:
            anonymous, shared = self._cgroup.memory_stat()
            return anonymous + max(0, shared - files)
        cheap = sum(_resident(pid) for pid in _pids())
        if cheap <= self._memory_limit:
            return cheap
        # Pages that forked processes share were counted once per process: count them by share now.
        return sum(_proportional(pid) for pid in _pids())

    def _cpu(self) -> float:
        if self._cgroup is not None and self._kernel_cpu:
            return self._cgroup.cpu_s()
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        now = ended.ru_utime + ended.ru_stime + sum(_cpu_of(pid) for pid in _pids())
        self._cpu_s = max(self._cpu_s, now)  # a child that nobody waited for takes its seconds along
        return self._cpu_s


def _pids() -> list[str]:
    """Everything in our pid namespace but ourselves (pid 1)."""
    return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]  # noqa: PTH208 - names only


def _resident(pid: str) -> int:
    return _kilobytes(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:", "VmSwap:")) * _KIB


def _proportional(pid: str) -> int:
    return _kilobytes(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")) * _KIB


def _kilobytes(path: str, names: tuple[str, ...]) -> int:
    total = 0
    with contextlib.suppress(OSError):  # it ended meanwhile
        for line in Path(path).read_text("utf-8", "replace").splitlines():
            if line.startswith(names):
                total += int(line.split()[1])
    return total


def _cpu_of(pid: str) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()  # a program chooses its own name: parse behind it
    return sum(int(field) for field in fields[11:15]) / _TICKS  # utime, stime and those of waited children
