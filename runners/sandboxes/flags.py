"""Every flag nsjail gets, with its reason; and the system calls a program may not make.

Theory of operation. nsjail builds a fresh root on a read-only tmpfs and binds into it what a program may see:
the distribution's /usr, the environment, its inputs, and three writable directories that share the shim's one
sized tmpfs. It enters new mount, pid, network, IPC, UTS and cgroup namespaces (and a user namespace when we
are not root), drops every capability, sets no_new_privs, installs the seccomp filter and starts the program
as pid 1. Memory, pids, time, log and disk limits are not nsjail's: the shim holds them (runners.shim).
"""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from pathlib import Path

from runners import hook
from runners.sandboxes.plan import Hold, SandboxError, SandboxPlan

FIRST_UID = 100_001
HOOK = "/etc/podium"  # while a sandbox is held; gone before its program begins
INSIDE_UID = 1000  # what an ordinary user's sandbox sees itself as

# Denied calls, by what they would open. EPERM, as in a container: programs that probe for them go on.
_DENIED = (
    ("keyctl", "add_key", "request_key"),  # kernel keyrings are shared by uid: a channel between runs
    ("io_uring_setup", "io_uring_enter", "io_uring_register"),  # large surface, and passes by this filter
    ("bpf", "perf_event_open", "userfaultfd", "fanotify_init"),  # kernel attack surface
    ("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd"),
    ("setns", "unshare", "mount", "umount", "pivot_root", "chroot", "mount_setattr", "move_mount"),
    ("open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "name_to_handle_at", "open_by_handle_at"),
    ("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot"),
    ("swapon", "swapoff", "acct", "quotactl", "syslog", "vhangup", "personality"),
    ("iopl", "ioperm", "modify_ldt", "uselib", "lookup_dcookie"),
    ("settimeofday", "clock_settime", "clock_adjtime", "adjtimex"),
)
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}
# AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK (getaddrinfo asks it) exist in the empty network namespace;
# others, AF_VSOCK above all, reach beyond. clone3 hides its flags: after ENOSYS libc uses clone.
SECCOMP_POLICY = " ".join(
    (
        "POLICY podium {",
        f"ERRNO(1) {{ {', '.join(name for group in _DENIED for name in group)},",
        f"clone(flags) {{ (flags & {_NEW_NAMESPACES:#x}) != 0 }} }},",
        "ERRNO(38) { clone3 },",
        "ERRNO(97) { socket(domain, type, protocol) { domain > 2 && domain != 10 && domain != 16 } }",
        "} USE podium DEFAULT ALLOW",
    )
)


def command(
    plan: SandboxPlan,
    *,
    nsjail: str,
    box: Path,
    log: Path,
    as_root: bool,
    nproc: int | None,
    held: Sequence[str] = (),
) -> list[str]:
    """The whole command line. `box` is the mounted tmpfs; `nproc` limits processes where no cgroup can.

    `held` are the flags of a sandbox that waits for its files, see `holding`.
    """
    flags = [nsjail, "--mode", "o", "--log", str(log), "--time_limit", "0"]  # the shim keeps the time
    flags += _identity(plan, as_root=as_root)
    flags += ["--hostname", "podium", "--iface_no_lo", "--cwd", plan.cwd, "--nice_level", "10"]
    # Address space is not memory: numpy and torch reserve far more than they touch.
    flags += ["--rlimit_as", "max", "--rlimit_fsize", "max", "--rlimit_cpu", "max", "--rlimit_core", "0"]
    flags += ["--rlimit_nofile", "4096", "--rlimit_stack", "soft"]
    flags += ["--rlimit_memlock", str(_pinned_kb(plan))]
    flags += ["--rlimit_nproc", str(nproc) if nproc else "max", "--rlimit_msgqueue", "0"]
    flags += ["--rlimit_rtprio", "0", "--seccomp_string", SECCOMP_POLICY]
    flags += _system(box)
    flags += _devices(plan)
    if plan.tree == "/model":
        flags += ["--bindmount", f"{box}/files/model:/model"]
    flags += _files(plan, box)
    if not held and not any(place.startswith("/input") for _, place in plan.inputs):
        flags += ["--bindmount_ro", f"{box}/empty:/input"]
    flags += held
    for name, value in environment_variables(plan).items():
        flags += ["--env", f"{name}={value}"]
    return [*flags, "--", *(arg.replace("{python}", "/env/bin/python") for arg in plan.argv)]


def holding(hold: Hold, rundir: Path, message: int) -> list[str]:
    """Flags of a sandbox that waits for its job: its directories, empty yet, and what makes Python wait."""
    flags = ["--pass_fd", str(message)]
    for place in hold.places:
        flags += ["--bindmount_ro", f"{hold.directory(rundir, place)}:{place}"]
    for name, value in hook.variables(HOOK, message, hold.preload, hold.kernel).items():
        flags += ["--env", f"{name}={value}"]
    return flags


def uid_of(plan: SandboxPlan) -> int:
    """The uid of a run that root starts, inside and outside."""
    return FIRST_UID + plan.slot


def _identity(plan: SandboxPlan, *, as_root: bool) -> list[str]:
    if as_root:
        uid = str(uid_of(plan))
        return ["--disable_clone_newuser", "--user", uid, "--group", uid]
    # The shim is root in a user namespace of its own; only its uid 0 is mapped, to the ordinary user.
    return ["--user", f"{INSIDE_UID}:0:1", "--group", f"{INSIDE_UID}:0:1"]


def _system(box: Path) -> list[str]:
    flags = ["--bindmount_ro", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        top = Path("/", name)
        if top.is_symlink():  # merged /usr, as on every current Debian
            flags += ["--symlink", f"usr/{name}:/{name}"]
        elif top.is_dir():
            flags += ["--bindmount_ro", str(top)]
    flags += ["--bindmount_ro", f"{box}/etc:/etc"]
    for name in ("null", "zero", "full", "random", "urandom"):
        flags += ["--bindmount_ro", f"/dev/{name}"]
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        flags += ["--symlink", f"/proc/self/{target}:/dev/{name}"]
    for name, place in (("output", "/output"), ("tmp", "/tmp"), ("shm", "/dev/shm")):  # noqa: S108 - in there
        flags += ["--bindmount", f"{box}/files/{name}:{place}"]
    return flags


def _pinned_kb(plan: SandboxPlan) -> int:
    """What may be locked in memory: with devices, which read it by themselves, all that the run has.

    Only root with all its capabilities may go beyond the limit that it has itself.
    """
    wanted = plan.limits.memory_mb << 10 if plan.devices else 8192
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard >> 10)


def _devices(plan: SandboxPlan) -> list[str]:
    """The device files of the leased GPUs and no other, and of the driver what lies outside /usr."""
    if plan.access is None:
        return []
    # libcuda names its threads in /proc/self/task/<tid>/comm, and where it cannot, cuInit fails with error 304. What
    # else a program may write in its own /proc is its own or needs a capability.
    flags = ["--proc_rw"]
    for path in (*plan.access.nodes, *plan.access.folders):
        flags += ["--bindmount_ro", path]  # a device on a read-only mount can be written to, as /dev/null
    return flags


def _files(plan: SandboxPlan, box: Path) -> list[str]:
    flags: list[str] = []
    directories = interpreter_directories(Path(plan.environment))
    for host in directories:
        flags += ["--bindmount_ro", host]
    for beside in _host_packages(directories):
        flags += ["--bindmount_ro", f"{box}/empty:{beside}"]
    flags += ["--bindmount_ro", f"{plan.environment}:/env"]
    for host, place in plan.inputs:
        flags += ["--bindmount_ro", f"{host}:{place}"]
    for place, target in dict((("/kaggle/working", "/output"), *plan.links)).items():
        flags += ["--symlink", f"{target}:{place}"]
    return flags


def _host_packages(directories: list[str]) -> list[Path]:
    """What the host's owner installed for Python: no part of an environment, and perhaps a public data set."""
    places = [Path(directory) for directory in directories] + [Path("/usr/lib"), Path("/usr/local/lib")]
    return sorted(
        path
        for place in places
        for pattern in ("python3*/site-packages", "python3*/dist-packages")
        for path in place.glob(pattern)
        if path.is_dir() and not path.is_symlink()
    )


def environment_variables(plan: SandboxPlan) -> dict[str, str]:
    """All of them: nothing of ours is inherited."""
    return {
        "PATH": "/env/bin:/usr/bin:/bin",
        "HOME": "/tmp/home",  # noqa: S108 - in the sandbox
        "USER": "podium",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",  # the log is live
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        **_cuda(plan),
        **dict(plan.env),
    }


def _cuda(plan: SandboxPlan) -> dict[str, str]:
    """None of these without a device: there is nothing to hide then."""
    if not plan.devices:
        return {}
    known = {"CUDA_VISIBLE_DEVICES": ",".join(plan.devices)}  # UUIDs: an index counts what is not in here
    known["CUDA_CACHE_DISABLE"] = "1"  # it would fill the disk limit for a sandbox that is used once
    if plan.access is not None and plan.access.library_path:
        known["LD_LIBRARY_PATH"] = plan.access.library_path
    return known


def interpreter_directories(environment: Path) -> list[str]:
    """Where outside /usr the venv's interpreter and its library lie; bound at their own places: its links resolve.

    Only `bin` and `lib` of its prefix, which may be somebody's home directory. Raises SandboxError when it has
    no prefix of its own, OSError when there is no venv.
    """
    lines = (environment / "pyvenv.cfg").read_text("utf-8").splitlines()
    home = next(
        (line.partition("=")[2].strip() for line in lines if line.split("=")[0].strip() == "home"), ""
    )
    real = os.path.realpath(environment / "bin" / "python")
    found: list[str] = []
    for binaries in (Path(home), Path(os.path.realpath(home)), Path(real).parent):
        prefix = Path(os.path.normpath(binaries)).parent
        if not home or prefix == Path("/"):
            raise SandboxError(f"the environment's interpreter has no directory of its own: {binaries}")
        if not prefix.is_relative_to("/usr"):
            found += [str(prefix / name) for name in ("bin", "lib") if (prefix / name).is_dir()]
    return list(dict.fromkeys(found))
