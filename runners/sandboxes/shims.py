"""The agent's side of any sandbox: start it, ask after it, end it, read what happened. All by files.

Theory of operation. Everything about a sandbox lies in its run directory; the agent may die and another one
carry on. `launch` writes `sandbox.json`, which names the sandbox, its cgroup and the plan, and starts the shim; it
holds an exclusive lock on `<rundir>/lock` that it inherits, so `alive` is a question to the kernel that no
reused pid can answer wrongly. `cancel` leaves a file the shim looks for at every tick. `facts.json` appears
last. `reap` removes what a shim killed by force cannot: its cgroup, and what its kind of sandbox leaves.

Files in a run directory: sandbox.json (0600), shim.json (pid and start time), lock, cancel, log, shim.err,
usage.json, samples, box/ (empty mount point), outputs/, facts.json, and what a kind of sandbox adds (nsjail.log).
The shim uses names relative to its working directory: a run directory may be renamed while it lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from runners.sandboxes import cgroups, nsjail
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.docker import Docker
from runners.sandboxes.plan import Hold, Outcome, SandboxError, SandboxPlan
from runners.usage import POINTS_A_CALL, UsagePoint

_PACKAGES = Path(__file__).resolve().parents[2]  # the directory that holds `runners`
_REAP_S = 8.0  # wall limit + 5 s is the shim's own promise; this is for one that was killed or told to cancel

_children: list[subprocess.Popen[bytes]] = []  # started here, to be waited for when they end
_children_lock = threading.Lock()  # an agent has a thread for each slot


class Kind(Protocol):
    """What differs between sandboxes on the agent's side; a module of this package each."""

    def settings(self, rundir: Path, plan: SandboxPlan) -> dict[str, Any]:
        """What the shim needs to know besides the plan. Raises SandboxError when the plan cannot be run."""
        ...

    def prefix(self) -> Sequence[str]:
        """The command that the shim's own is appended to."""
        ...

    def clear(self, rundir: Path, settings: dict[str, Any]) -> None:
        """Remove what a shim killed by force leaves, when its processes are dead. Harmless when nothing is."""
        ...


KINDS: dict[str, Kind] = {
    "nsjail": nsjail,
    "docker": Docker(Sandbox.DOCKER),
    "runsc": Docker(Sandbox.RUNSC),
}


def launch(
    rundir: Path,
    plan: SandboxPlan,
    sandbox: str = "nsjail",
    *,
    cgroup: str = "",
    settings: dict[str, Any] | None = None,
    inherited: Sequence[int] = (),
) -> int:
    """Start the run; returns at once with the pid of the shim's outermost process.

    `rundir` exists, is ours alone (0700), and is used once. `cgroup` names the run's own; without it the
    directory's name does. `settings` are added to the shim's; it inherits the descriptors `inherited`. Raises
    SandboxError when the plan would show the sandbox the run directory itself, or nothing can start.
    """
    name = cgroup or rundir.name
    return _launch(rundir, plan, sandbox, cgroup=name, settings=settings or {}, inherited=inherited)


def launch_held(
    rundir: Path, plan: SandboxPlan, sandbox: str, hold: Hold, *, settings: dict[str, Any] | None = None
) -> int:
    """Start a warm sandbox that waits in front of its program, see runners.shim.held.

    Returns a descriptor: when the last copy of it is closed, the wait is over.
    """
    for place in hold.places:
        directory = hold.directory(rundir, place)
        directory.mkdir(parents=True)
        directory.chmod(0o755)  # whatever the umask: a uid of its own looks into it
    keeper, kept = os.pipe()
    try:
        known = {"hold": hold.as_json(), "keeper": keeper, **(settings or {})}
        _launch(rundir, plan, sandbox, cgroup=rundir.name, settings=known, inherited=(keeper,))
    except BaseException:
        os.close(kept)
        raise
    finally:
        os.close(keeper)
    return kept


def _launch(
    rundir: Path,
    plan: SandboxPlan,
    sandbox: str,
    *,
    cgroup: str,
    settings: dict[str, Any],
    inherited: Sequence[int],
) -> int:
    _wait_for_children()
    rundir = rundir.resolve()
    if (kind := KINDS.get(sandbox)) is None:
        raise SandboxError(f"there is no sandbox {sandbox!r}, only {', '.join(KINDS)}")
    cgroups.candidates(cgroup)
    known = {"sandbox": sandbox, "cgroup": cgroup, "plan": plan.as_json()}
    write(rundir / "sandbox.json", known | kind.settings(rundir, plan) | settings)
    command = [*kind.prefix(), sys.executable, "-E", "-S", "-m", "runners.shim", str(rundir)]
    with _locked(rundir) as lock, (rundir / "shim.err").open("ab") as errors:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            cwd=_PACKAGES,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            start_new_session=True,
            pass_fds=(lock, *inherited),
        )
    with _children_lock:
        _children.append(child)
    write(rundir / "shim.json", {"pid": child.pid, "start": _start_time(child.pid)})
    return child.pid


def alive(rundir: Path) -> bool:
    """Whether this run's shim lives, whoever started it."""
    _wait_for_children()
    try:
        lock = os.open(rundir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def cancel(rundir: Path) -> None:
    """Ask the shim to end the run; it does within a tick. Asking twice, too early or too late is harmless."""
    (rundir / "cancel").touch()


def outcome(rundir: Path) -> Outcome | None:
    """How the run ended; None while it has not. A shim that died without a word is an error outcome."""
    lives = alive(rundir)  # asked first: facts that appear in between are then seen
    try:
        return Outcome.from_json(json.loads((rundir / "facts.json").read_text("utf-8")))
    except FileNotFoundError:
        return None if lives else Outcome(error=f"the sandbox's supervisor died; {_last_words(rundir)}")


def usage(rundir: Path) -> dict[str, float]:
    """What the run used about a second ago: wall_s, cpu_s, memory and disk (bytes now); empty before that."""
    try:
        known: dict[str, float] = json.loads((rundir / "usage.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return known


def points(rundir: Path, after: int) -> list[UsagePoint]:
    """The points of the run's usage curve from number `after` on, as many as one call may carry."""
    try:
        lines = (rundir / "samples").read_bytes().split(b"\n")[:-1]  # the shim may be writing the last one
    except FileNotFoundError:
        return []
    found = []
    with contextlib.suppress(ValueError):  # half a line, on a host whose disk is full: the curve ends there
        for line in lines[after : after + POINTS_A_CALL]:
            found.append(UsagePoint.from_json(json.loads(line)))  # noqa: PERF401 - what is readable is kept
    return found


def settings_of(rundir: Path) -> dict[str, Any]:
    """What `launch` wrote down about this sandbox; empty when it never came to that."""
    try:
        known: dict[str, Any] = json.loads((rundir / "sandbox.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return known


def reap(rundir: Path) -> None:
    """End whatever is left of this run and remove its cgroup. Harmless when nothing is.

    The run directory is the caller's to delete. Raises SandboxError when processes survive.
    """
    deadline = time.monotonic() + _REAP_S
    if alive(rundir):
        cancel(rundir)
        _kill_shim(rundir)
    while alive(rundir):
        if time.monotonic() > deadline:
            raise SandboxError("the sandbox's supervisor does not end")
        time.sleep(0.005)
    settings = settings_of(rundir)
    if not settings:  # nothing was started in it
        return
    left = cgroups.left_over(settings["cgroup"])
    while left is not None and left.processes():
        left.kill()
        if time.monotonic() > deadline:
            raise SandboxError("processes of the run do not end")
        time.sleep(0.005)
    KINDS[settings["sandbox"]].clear(rundir, settings)  # last: it may need a daemon that is away
    if left is not None:
        left.remove()


def write(path: Path, content: dict[str, Any]) -> None:
    """Put a file into a run directory, whole or not at all, for nobody else to read."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content), "utf-8")
    draft.replace(path)


@contextlib.contextmanager
def _locked(rundir: Path) -> Iterator[int]:
    lock = os.open(rundir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)  # the shim's copy keeps it


def _kill_shim(rundir: Path) -> None:
    try:
        known = json.loads((rundir / "shim.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return  # the agent died while it started this one: the shim heeds `cancel`
    outermost: int = known["pid"]
    # Not `unshare` but the shim below it: as pid 1 of its namespace it is waited for only when all in there are
    # dead, so `unshare`, and with it the lock, goes last.
    children = Path(f"/proc/{outermost}/task/{outermost}/children")
    with contextlib.suppress(OSError):  # it ended meanwhile
        below = children.read_text("ascii").split() if children.exists() else []
        handle = os.pidfd_open(int(below[0]) if below else outermost)
        try:
            if _start_time(outermost) == known["start"]:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def _start_time(pid: int) -> int:
    """In clock ticks since boot; 0 when it is gone already."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except FileNotFoundError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])


def _last_words(rundir: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        lines = (rundir / "shim.err").read_text("utf-8", "replace").split("\n")
        return next((f"it said: {line}" for line in reversed(lines) if line.strip()), "it said nothing")
    return "it never started"


def _wait_for_children() -> None:
    with _children_lock:
        _children[:] = [child for child in _children if child.poll() is None]
