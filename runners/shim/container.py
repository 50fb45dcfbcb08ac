"""The body of a Docker sandbox, with runc or with gVisor (runsc).

Theory of operation. A container is created held (docker_flags.py), with what it may write bound in from the
shim's sized tmpfs. Before it is let go, every process of it, init and gVisor's own included, is moved from the
container's cgroup into the attempt's: that one is ours, so its counters outlive the container, whichever version of
cgroups the host has and whoever, the daemon or systemd, makes Docker's. Under v1 the controllers that hold devices and
processors stay Docker's. Under v2 a process is in one place only: what filters devices is taken along
(device_filter.py), and the share of the processors is set on ours. What the container's own cgroup is left to is empty,
so systemd may remove it at once: nothing asks the daemon about it.

The program's end is the end of the container's first process, watched by a descriptor of that very process; a daemon
that goes away ends the watching, and the run is then an error of ours, whatever the program did. The kill is ours,
not the daemon's: SIGKILL to the first process, whose pid namespace goes with it, and to all that the cgroup
holds. The exit code comes from Docker, 128 + n for signal n, so a code of 137 says nothing by itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path

from runners import hook
from runners.sandboxes import cgroups, device_filter, docker_flags, flags
from runners.sandboxes.cgroups import Cgroup
from runners.sandboxes.docker import container_name, remove_container
from runners.sandboxes.docker_flags import Bind, Setting
from runners.sandboxes.engine import Engine, EngineError, Waiting
from runners.sandboxes.plan import SandboxError, SandboxPlan
from runners.shim.body import Drainable, Scene
from runners.shim.box import Box
from runners.shim.frames import Frames
from runners.shim.places import Places
from runners.shim.victims import scheduled
from runners.spec import Limits

DEATH_S = 4.0  # from SIGKILL to the last process; a run ends within its wall limit + 5 s
_HELLO_S = 30.0  # a shell of an image whose layers are not in memory, on a busy disk
_ANSWER_S = 20.0  # for the daemon to say how a container ended that has
_SIGNAL_CODES = 128
# Signals that end a crash. Docker says 128 + n and does not tell them from an exit code; nobody leaves with these by
# itself but to be called crashed. Codes of a kill stay codes: 137 says nothing about who sent it, if anybody did.
_CRASHES = {
    signal.SIGILL,
    signal.SIGTRAP,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGSEGV,
    signal.SIGSYS,
}
_PARENT = "/podium/docker"
_SLICE = "podium.slice"
_IN_A_CONTAINER = (
    "; an agent in a container needs `privileged`, `pid: host` and /sys/fs/cgroup, see docs/docker.md"
)


class Container:
    """A program in a container."""

    log: Drainable
    end: int

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._engine = Engine(scene.settings["docker_host"])
        self._name = container_name(scene.settings)
        cgroups.see_the_hosts()  # before ours is made
        self.box = Box(scene.rundir / "box", scene.plan, flags.uid_of(scene.plan))
        self._ended_alone = False
        self._went_at = 0.0

    def own_processes(self, limits: Limits) -> int:
        return docker_flags.own_processes(limits, runsc=self._scene.settings["runtime"] == "runsc")

    def start(self, cgroup: Cgroup | None) -> None:
        if cgroup is None or cgroup.enforces != {"memory", "pids", "cpuacct"}:
            raise SandboxError(
                "a Docker sandbox needs a cgroup of ours for memory, pids and CPU time: the agent must be root and "
                f"may write in /sys/fs/cgroup{_IN_A_CONTAINER}"
            )
        self._cgroup = cgroup
        try:
            self._start()
        except BaseException:
            self.leave()  # or its processes would keep the cgroup
            raise

    def _start(self) -> None:
        if self._scene.hold is not None:
            self.box.put_hook()
        self._id = self._engine.create(self._name, self._configuration())
        self._stream = self._engine.attach(self._id)
        self.log = self._frames = Frames(self._stream)
        self._waiting = self._engine.wait(self._id)
        self._engine.start(self._id)
        self._hello(self._frames)
        first = self._first_process()
        self._take(first)
        self.end = _either(self._first, self._waiting)
        self._went_at = time.time()
        if self._scene.hold is not None:
            self._schedule(os.SCHED_IDLE)  # importing beforehand takes only what nobody else wants
        self._stream.sendall(docker_flags.GO)

    def release(self, plan: SandboxPlan) -> None:
        if self._scene.hold is None:
            raise SandboxError("this program was never held")
        self.box.take_hook()
        self._schedule(os.SCHED_OTHER)
        self._went_at = time.time()
        self._stream.sendall(hook.message(hook.arguments(plan.argv), plan.env))

    def _schedule(self, policy: int) -> None:
        for pid in self._cgroup.processes():
            with contextlib.suppress(OSError):  # a helper that has just ended
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    scheduled(int(thread.name), policy)

    def kill(self) -> None:
        deadline = time.monotonic() + DEATH_S
        self._ended_alone = _readable(self._first)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._first, signal.SIGKILL)
        while self._cgroup.processes() or not _readable(self._first):
            self._cgroup.kill()  # gVisor's helpers are no children of its first process
            if time.monotonic() > deadline:
                raise SandboxError(f"processes of the run did not end within {DEATH_S:g} s of SIGKILL")
            time.sleep(0.002)
        self._frames.finish_within(DEATH_S)

    def how_it_ended(self, *, killed: bool) -> tuple[int | None, int | None]:
        if not self._ended_alone:
            if not killed:
                raise SandboxError("the Docker daemon went away, or lost the container")
            return None, int(signal.SIGKILL)
        code = self._waiting.exit_code(_ANSWER_S)
        if code > _SIGNAL_CODES and (sent := self._engine.kills(self._id, self._went_at, time.time())):
            raise SandboxError(f"somebody else ended the container with signal {', '.join(sent)}")
        number = code - _SIGNAL_CODES
        return (None, number) if number in _CRASHES else (code, None)

    def leave(self) -> bool:
        """Remove the container and the mounts, when the facts are told. What fails here is left to `reap`."""
        gone = False
        with contextlib.suppress(EngineError):
            remove_container(self._engine, self._name)
            gone = True
        self.box.unmount()
        return gone

    def _configuration(self) -> dict[str, object]:
        plan, settings = self._scene.plan, self._scene.settings
        hold, rundir = self._scene.hold, self._scene.rundir
        places = Places(rundir / "places")
        binds = places.fill(plan) if hold is None else places.hold(hold, rundir)
        setting = Setting(
            runtime=settings["runtime"],
            image=settings["image"],
            python=settings["python"],
            image_env=tuple(settings["image_env"]),
            image_is_ours=settings["image_is_ours"],
            cgroup_parent=self._cgroup_parent(),
            name=self._name,
            hold=hold,
        )
        return docker_flags.configuration(plan, setting, binds + self._own_binds(plan))

    def _own_binds(self, plan: SandboxPlan) -> list[Bind]:
        files, etc = self.box.files, self.box.root / "etc"
        places = {"output": "/output", "tmp": "/tmp", "shm": "/dev/shm"}  # noqa: S108 - in there
        if plan.tree == "/model":
            places["model"] = "/model"
        ours = ["passwd", "group"] + (["podium"] if self._scene.hold is not None else [])
        return [
            *(Bind(source=files / name, place=place, writable=True) for name, place in places.items()),
            *(Bind(source=etc / name, place=f"/etc/{name}") for name in ours),
        ]

    def _cgroup_parent(self) -> str:
        """Where the container's own is made, that nothing stays in."""
        return _SLICE if self._engine.info().get("CgroupDriver") == "systemd" else _PARENT

    def _first_process(self) -> int:
        pid: int = self._engine.inspect(self._id)["State"]["Pid"]
        if not pid:
            raise SandboxError(
                f"the container ended before its program was let go: {self._waiting.exit_code(1)}"
            )
        try:
            self._first = os.pidfd_open(pid)
        except ProcessLookupError:
            raise SandboxError(f"the daemon's process {pid} is not seen here{_IN_A_CONTAINER}") from None
        return pid

    def _hello(self, frames: Frames) -> None:
        line = frames.line(_HELLO_S)
        if line != docker_flags.HELLO:
            said = line.decode("utf-8", "replace").strip() or "it said nothing"
            raise SandboxError(f"the image did not start the program: {said}")

    def _take(self, first: int) -> None:
        """Move everything that runs so far into the attempt's own cgroup."""
        parent, taken = _parent(first), set[int]()
        if self._id not in _command_line(parent):
            raise SandboxError(
                f"the container's process {first} is not a child of its own containerd-shim{_IN_A_CONTAINER}"
            )
        try:
            if self._cgroup.unified:
                self._take_along(first)
            while new := _family(parent) - taken:  # gVisor may be starting a helper right now
                for pid in sorted(new):
                    self._cgroup.take(pid)
                taken |= new
        except OSError as error:
            raise SandboxError(
                f"the container cannot be moved into a cgroup of ours ({error}){_IN_A_CONTAINER}"
            ) from error

    def _take_along(self, first: int) -> None:
        """What Docker set on the container's own cgroup and would be lost: devices and processors."""
        plan = self._scene.plan
        found = device_filter.copy(cgroups.place_of(first), self._cgroup.paths[0])
        if not found and self._scene.settings["runtime"] == "runc":
            raise SandboxError("nothing filters devices in the container that Docker made")
        self._cgroup.share_processors(weight=docker_flags.WEIGHT, most=docker_flags.processors(plan))


def _either(first: int, waiting: Waiting) -> int:
    """A descriptor that is readable when either is: the program has ended, or nobody will tell how it does."""
    found = select.epoll()
    found.register(first, select.EPOLLIN)
    found.register(waiting.fileno(), select.EPOLLIN)
    return os.dup(found.fileno())


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def _parent(pid: int) -> int:
    """Containerd's own shim, whose children are this container and nothing else."""
    stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    return int(stat.rpartition(")")[2].split()[1])


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _family(pid: int) -> set[int]:
    """All descendants of a process."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            below = {int(child) for child in children.read_text("ascii").split()}
            found = found.union(below, *(_family(child) for child in below))
    return found
