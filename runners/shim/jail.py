"""The body of an nsjail sandbox.

Theory of operation. The shim is pid 1 of a pid namespace that holds this run and nothing else. So `kill(-1)`
reaches every process of the run at once, whatever it forks, stops or ignores; and when the shim itself dies,
the kernel kills the namespace. How the program ended is read from nsjail's own log, which the program cannot
reach: nsjail's exit status would not tell an exit code of 137 from a SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

from runners import hook
from runners.sandboxes import flags
from runners.sandboxes.cgroups import Cgroup
from runners.sandboxes.plan import SandboxError, SandboxPlan
from runners.shim.body import Drainable, Scene
from runners.shim.box import Box, mount_tmpfs
from runners.shim.drain import Pipe
from runners.shim.victims import PREFERRED, oom_score, scheduled
from runners.spec import Limits

DEATH_S = 4.0  # from SIGKILL to the last process; a run ends within its wall limit + 5 s
_ENDED = re.compile(
    r"^\[I\]\[[^]]+\] pid=\d+ \(\[STANDALONE MODE\]\) "
    r"(?:exited with status: (?P<code>\d+)|terminated with signal: \S+ \((?P<signal>\d+)\))",
    re.MULTILINE,
)
_NOT_STARTED = "Couldn't launch the child process"
_LOG = "nsjail.log"


def others() -> list[int]:
    """Everything in our pid namespace but ourselves."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]  # noqa: PTH208 - names


class Jail:
    """A program under nsjail."""

    log: Drainable
    end: int

    def __init__(self, scene: Scene) -> None:
        """Raises SandboxError, before anything is mounted, where `kill` would take the host down."""
        inside = os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116 - a magic link
        if os.getpid() != 1 or inside == scene.settings["launcher_pid_namespace"]:
            raise SandboxError("the shim was not started by launch(): no pid namespace of its own")
        self._scene = scene
        self._as_root: bool = scene.settings["as_root"]
        owner = flags.uid_of(scene.plan) if self._as_root else 0
        self.box = Box(scene.rundir / "box", scene.plan, owner)

    def own_processes(self, _limits: Limits) -> int:
        return 1  # nsjail

    def start(self, cgroup: Cgroup | None) -> None:
        plan, rundir, hold = self._scene.plan, self._scene.rundir, self._scene.hold
        held: list[str] = []
        if hold is not None:
            waiting, self._message = os.pipe()
            self.box.put_hook()
            held = flags.holding(hold, rundir, waiting)
        # nsjail puts the mount point of its new root below /run/user: keep that off the host.
        mount_tmpfs(Path("/run"), "size=1m,mode=0755")
        self._pids_are_counted = cgroup is not None and "pids" in cgroup.enforces
        command = flags.command(
            plan,
            nsjail=self._scene.settings["nsjail"],
            box=self.box.root,
            log=rundir / _LOG,
            as_root=self._as_root,
            nproc=None if self._pids_are_counted else plan.limits.pids,
            held=held,
        )

        def between_fork_and_exec() -> None:
            if cgroup is not None:
                cgroup.enter()
            oom_score(PREFERRED)
            if hold is not None:
                scheduled(0, os.SCHED_IDLE)  # importing beforehand takes only what nobody else wants

        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                cwd="/",
                env={},
                pass_fds=() if hold is None else (waiting,),
                preexec_fn=between_fork_and_exec,  # noqa: PLW1509 - the shim has one thread
            )
        finally:
            os.close(writing)
            if hold is not None:
                os.close(waiting)
        self.log, self.end = Pipe(reading), os.pidfd_open(process.pid)
        self._process = process  # kept: its pid is waited for by `kill`, never by its destructor

    def release(self, plan: SandboxPlan) -> None:
        if self._scene.hold is None:
            raise SandboxError("this program was never held")
        self.box.take_hook()
        for pid in others():
            if not self._pids_are_counted:
                resource.prlimit(pid, resource.RLIMIT_NPROC, (plan.limits.pids, plan.limits.pids))
            for thread in Path(f"/proc/{pid}/task").iterdir():
                scheduled(int(thread.name), os.SCHED_OTHER)
        message = hook.message(hook.arguments(plan.argv), plan.env)
        if os.write(self._message, message) != len(message):
            raise SandboxError("a held program does not take its message")
        os.close(self._message)

    def kill(self) -> None:
        """SIGKILL every process of our pid namespace and wait for the last. Raises SandboxError after DEATH_S."""
        if os.getpid() != 1:  # kill(-1) anywhere else would take the host down
            raise SandboxError("the shim must be the first process of a pid namespace")
        deadline = time.monotonic() + DEATH_S
        while True:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            if time.monotonic() > deadline:
                raise SandboxError(f"processes of the run did not end within {DEATH_S:g} s of SIGKILL")
            time.sleep(0.002)

    def how_it_ended(self, *, killed: bool) -> tuple[int | None, int | None]:
        log = Path(_LOG)
        text = log.read_text("utf-8", "replace") if log.exists() else ""
        found = _ENDED.search(text)
        if found and _NOT_STARTED not in text:
            code, number = found["code"], found["signal"]
            return (int(code), None) if code is not None else (None, int(number))
        if killed:
            return None, int(signal.SIGKILL)
        complaints = [line for line in text.splitlines() if line[:3] in ("[W]", "[E]", "[F]")]
        raise SandboxError(
            "nsjail did not start the program: " + (" | ".join(complaints[:4]) or "no reason given")
        )

    def leave(self) -> bool:
        """Nothing to do: all of it goes with our namespaces."""
        return True
