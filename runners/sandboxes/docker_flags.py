"""Every flag a container gets, with its reason: the one list that says how Docker is told to hold a stranger.

Theory of operation. A container is created held: its first program is a shell of the image that says HELLO, waits for
a line and then becomes the job's program. Meanwhile the shim moves it into the attempt's own cgroup, which
outlives it (shim/container.py); the limits below are set on the container's cgroup all the same, and hold
should that ever not have happened. What can be written is bound in from the shim's one sized tmpfs. What limits time,
log and outputs is the shim, as with nsjail.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from runners import hook
from runners.sandboxes import flags, seccomp
from runners.sandboxes.plan import Hold, SandboxPlan
from runners.spec import Limits

CONTAINER_LABEL = "podium.run"
HELLO = b"podium: held\n"
GO = b"\n"
RUNSC_THREADS, RUNSC_TIMES = 128, 3  # of its own, and beside each of the program's; at most
WEIGHT = 25  # on cgroup v2, where 100 is everybody else's
_MIB = 1 << 20
# Its stdin is our line and then nothing; `exec` leaves no shell behind. Nothing of the image but the shell has run.
_HOLD = (
    'command -v "$1" >/dev/null || { echo "the image has no $1"; exit 127; }; '
    "echo podium: held; read -r _ || exit 1; unset _ PWD OLDPWD SHLVL; "
)
_PLAIN, _WARM = (
    'exec "$@" </dev/null',
    'exec "$@"',
)  # what holds a warm one reads its message there, see runners.hook
# Docker's own list of today, whatever the engine's age, and what else tells about the host or other runs.
_MASKED = (
    *("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/proc/key-users"),
    *("/proc/diskstats", "/proc/kallsyms", "/proc/modules", "/proc/vmallocinfo", "/proc/slabinfo"),
    *("/proc/swaps", "/proc/fs"),
)
_MASKED_SYS = "/sys"
_MASKED_SYS_WITH_GPU = ("/sys/firmware", "/sys/fs", "/sys/devices/virtual/powercap", "/sys/kernel")
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A file or directory of the host, and where the program sees it."""

    source: Path
    place: str
    writable: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is known of this host and this image when a container is made."""

    runtime: str
    image: str  # its id: a run never pulls, nor takes what somebody tagged meanwhile
    python: str
    image_env: tuple[str, ...]  # names of the variables that the image sets
    image_is_ours: bool
    cgroup_parent: str
    name: str  # the container's, after the attempt: by it an agent finds what another one left
    hold: Hold | None  # of a warm one


def configuration(plan: SandboxPlan, setting: Setting, binds: list[Bind]) -> dict[str, Any]:
    """The body of the call that creates the container."""
    uid = flags.uid_of(plan)
    script = _HOLD + (_PLAIN if setting.hold is None else _WARM)
    return {
        "Image": setting.image,
        "Entrypoint": ["/bin/sh", "-c", script, "podium"],
        "Cmd": [argument.replace("{python}", setting.python) for argument in plan.argv],
        "Env": _environment(plan, setting),  # an allow-list
        "User": f"{uid}:{uid}",  # the slot's own, 100001 or more, inside and outside; of no group of the image
        "WorkingDir": plan.cwd,
        "Hostname": "podium",  # not the container's id
        "NetworkDisabled": True,
        "Labels": {CONTAINER_LABEL: setting.name},
        "OpenStdin": True,  # for the line that lets it go
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,  # no terminal, so no TIOCSTI
        "Healthcheck": {"Test": ["NONE"]},  # the image's would be one more process
        "HostConfig": _host(plan, setting, binds),
    }


def _host(plan: SandboxPlan, setting: Setting, binds: list[Bind]) -> dict[str, Any]:
    host: dict[str, Any] = {
        "Runtime": setting.runtime,
        "NetworkMode": "none",  # not even a route; the loopback it has is its own
        "IpcMode": "private",  # no shared memory with the host or another run
        "PidMode": "",  # a pid namespace of its own
        "UTSMode": "",
        "CgroupnsMode": "private",  # it does not see where on the host it is
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", f"seccomp={json.dumps(seccomp.profile())}"],
        "Privileged": False,
        **limits_of(plan, setting.runtime),
        "CpuShares": 256,  # a quarter of everybody else's share, as WEIGHT: what runs the host goes first
        "OomScoreAdj": 500,  # when the host runs out of memory, runs go first
        "CgroupParent": setting.cgroup_parent,
        "Ulimits": _ulimits(plan),
        "ShmSize": 1 * _MIB,  # ours is bound over it
        "Mounts": [_mount(bind) for bind in binds],
        "Init": True,  # reaps what the program leaves, passes signals on
        "LogConfig": {"Type": "none"},  # the shim reads and caps the log; the daemon stores nothing
        "RestartPolicy": {"Name": "no"},  # a run is run once
        "AutoRemove": False,  # the shim removes it when it has read how it ended
        "MaskedPaths": _masked(plan),
        "ReadonlyPaths": list(_READ_ONLY),
    }
    if most := processors(plan):
        host["NanoCpus"] = most * 10**9
    if plan.devices:
        host["DeviceRequests"] = [_gpus(plan)]
    return host


def processors(plan: SandboxPlan) -> int:
    """Its slot's even share of the host's, which it may not exceed; 0 where nobody shared them out."""
    threads = dict(plan.env).get("OMP_NUM_THREADS", "")
    return int(threads) if threads.isdigit() else 0


def limits_of(plan: SandboxPlan, runtime: str) -> dict[str, int]:
    """The container's own limits; files are memory to the kernel, and the gauges tell them apart."""
    memory = (plan.limits.memory_mb + plan.limits.disk_mb) * _MIB
    return {
        "Memory": memory,
        "MemorySwap": memory,  # the same: no swap, with it a memory limit says nothing
        "PidsLimit": plan.limits.pids + own_processes(plan.limits, runsc=runtime == "runsc"),
    }


def own_processes(limits: Limits, *, runsc: bool) -> int:
    """What runs in a container beside the program.

    Under Docker's own runtime that is init. gVisor's kernel has host threads of its own and several for each of
    the program's: it breaks down where one is refused, which ends the run. So its limit is generous, and coarse.
    """
    return RUNSC_THREADS + RUNSC_TIMES * limits.pids if runsc else 1


def _environment(plan: SandboxPlan, setting: Setting) -> list[str]:
    """Ours, and of the image's what an organiser's own image needs to find its libraries; nothing of the host's."""
    ours = flags.environment_variables(plan)
    if setting.hold is not None:
        ours |= hook.variables(flags.HOOK, 0, setting.hold.preload, setting.hold.kernel)
    ours.pop("LD_LIBRARY_PATH", None)  # where the driver lies on the host; Docker puts it elsewhere
    if not setting.image_is_ours:
        ours.pop("PATH")
    # A name without a value takes a variable away. LD_PRELOAD would reach into hooks that run on the host
    # (CVE-2025-23266); NVIDIA_* would hand out devices that nobody leased.
    kept = () if setting.image_is_ours else setting.image_env
    dropped = [
        name for name in (*setting.image_env, "HOSTNAME") if name not in ours and not _harmless(name, kept)
    ]
    return [*(f"{name}={value}" for name, value in ours.items()), *dict.fromkeys(dropped)]


def _harmless(name: str, kept: tuple[str, ...]) -> bool:
    return name in kept and name != "LD_PRELOAD" and not name.startswith(("NVIDIA_", "PODIUM_"))


def _ulimits(plan: SandboxPlan) -> list[dict[str, Any]]:
    limits = {
        "core": 0,  # no dumps of a run's memory, wherever the host's core pattern points
        "nofile": 4096,
        "memlock": plan.limits.memory_mb * _MIB if plan.devices else 8 * _MIB,  # devices read pinned memory
        "msgqueue": 0,  # POSIX queues are memory that no tmpfs of ours counts
        "rtprio": 0,
    }
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in limits.items()]


def _mount(bind: Bind) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": str(bind.source),
        "Target": bind.place,
        "ReadOnly": not bind.writable,
        "BindOptions": {"Propagation": "rprivate"},
    }


def _masked(plan: SandboxPlan) -> list[str]:
    """An nsjail sandbox has no /sys at all. The driver of a GPU looks its device up there."""
    return [*_MASKED, *(_MASKED_SYS_WITH_GPU if plan.devices else (_MASKED_SYS,))]


def _gpus(plan: SandboxPlan) -> dict[str, Any]:
    """The devices leased to this run and no other, by id."""
    return {
        "Driver": "nvidia",
        "DeviceIDs": list(plan.devices),
        "Capabilities": [["gpu", "compute", "utility"]],
    }
