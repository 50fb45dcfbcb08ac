"""One warm sandbox: started, looked at, given to a job, dropped.

Theory of operation. It is a run directory like any other, below the agent's `warm/`, whose shim waits
(runners.shim.held) and dies with whoever holds `keeper`. To give it to a job: the job's files are linked into the
directories that it has bound, the run directory is renamed to where the job's belongs, the plan is written there,
and `keeper` is closed. The rename is the moment it is used up: an agent that dies before leaves a sandbox that takes
itself down, one that dies after leaves a job whose sandbox ended without a word, and that is given back as ever. A
sandbox that dies while it is given never ran anything: the job starts cold.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from runners.sandboxes import shims
from runners.sandboxes.plan import MAX_SLOTS, Hold, SandboxError, SandboxPlan
from runners.shim.held import READY, RELEASE, RELEASED
from runners.spec import Limits
from runners.warm.shapes import SHAPES, Shape

SANDBOXES = frozenset({"nsjail", "docker", "runsc"})  # whose bodies can hold a program in front of its files
FIRST_SLOT = 5_000  # as root each has a uid of its own, which no slot of an agent has
_PREFLIGHT_SLOT = MAX_SLOTS - 1
_MIB = 1 << 20
_DISK_MB, _INODES, _PIDS = 64, 2000, 1024  # while it waits
_SHARE = 3  # a job's memory, processes and disk are at least so many times what it has taken already
READY_WITHIN_S = 300.0  # what imports is put off by whatever else the host does
_PATIENCE_S = 5.0
_LOOK_S = 0.001


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """What makes two warm sandboxes the same to a job."""

    sandbox: str
    environment: str  # identifier
    shape: str

    @property
    def form(self) -> Shape:
        return next(shape for shape in SHAPES if shape.name == self.shape)


@dataclasses.dataclass(slots=True)
class Idle:
    """A warm sandbox that nobody has used yet."""

    kind: Kind
    path: Path
    slot: int
    keeper: int  # closing it ends the wait
    begun: float = dataclasses.field(default_factory=time.monotonic)
    # What it has taken, known when it is ready:
    memory: int = 0
    disk: int = 0
    threads: int = 0

    def ready(self) -> bool:
        """Whether it waits for a job now. Raises SandboxError when it never will."""
        try:
            facts = json.loads((self.path / READY).read_text("utf-8"))
        except FileNotFoundError:
            if not shims.alive(self.path) and (ended := shims.outcome(self.path)) is not None:
                raise SandboxError(ended.error or "it ended") from None
            if time.monotonic() - self.begun > READY_WITHIN_S:
                raise SandboxError(f"it was not ready within {READY_WITHIN_S:g} s") from None
            return False
        self.memory, self.disk, self.threads = facts["memory"], facts["disk"], facts["threads"]
        return True

    def lives(self) -> bool:
        """Whether it can be given to a job."""
        try:
            return self.ready() and shims.alive(self.path)
        except SandboxError:
            return False

    def leaves_room(self, limits: Limits) -> bool:
        """Whether a job with these limits has most of them for itself."""
        threads = (
            0 if self.kind.sandbox == "runsc" else self.threads
        )  # gVisor's own threads have room of their own
        return (
            limits.memory_mb * _MIB >= _SHARE * self.memory
            and limits.disk_mb * _MIB >= _SHARE * self.disk
            and limits.pids >= _SHARE * threads
        )


def start(
    home: Path,
    kind: Kind,
    environment: Path,
    *,
    image: str,
    slot: int,
    memory_mb: int,
    threads: int,
    preload: Sequence[str],
) -> Idle:
    """Start one below `home`; it is ready a second or some later. Raises SandboxError, OSError."""
    path = home / f"warm-{os.getpid()}-{time.time_ns()}"
    path.mkdir(mode=0o700)
    form = kind.form
    plan = SandboxPlan(
        argv=form.held_argv(),
        environment=str(environment),
        image=image,
        limits=Limits(memory_mb=memory_mb, disk_mb=_DISK_MB, inodes=_INODES, pids=_PIDS),
        required_output="nothing",
        slot=slot,
        env=(("OMP_NUM_THREADS", str(threads)), ("PODIUM_JOB_KIND", "")),
    )
    try:
        keeper = shims.launch_held(path, plan, kind.sandbox, _hold(form, tuple(preload)))
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return Idle(kind, path, slot, keeper)


def _hold(form: Shape, preload: tuple[str, ...]) -> Hold:
    if form.driver:
        return Hold(preload=form.driver, places=form.places, kernel=preload)
    return Hold(preload=preload, places=form.places)


def give(idle: Idle, plan: SandboxPlan, sandbox: Path) -> bool:
    """Run `plan` in it, from now on in the directory `sandbox`; False when that cannot be, and nothing ran.

    `sandbox` exists and is empty, and is so again when the answer is False. Raises SandboxError when what cannot be
    given does not end.
    """
    try:
        _fill(idle, plan)
        idle.path.rename(sandbox)
    except OSError:
        drop(idle)
        return False
    try:
        job = dataclasses.replace(plan, slot=idle.slot, argv=_argv(idle, plan))
        shims.write(sandbox / RELEASE, job.as_json())
    finally:
        os.close(idle.keeper)
    until = time.monotonic() + _PATIENCE_S
    while not (sandbox / RELEASED).exists():
        if not shims.alive(sandbox) or time.monotonic() > until:
            shims.reap(sandbox)
            shutil.rmtree(sandbox)
            sandbox.mkdir(mode=0o700)
            return False
        time.sleep(_LOOK_S)
    return True


def drop(idle: Idle) -> None:
    """Take it down: it deletes its own directory, and what it cannot any more is removed here. Raises SandboxError."""
    os.close(idle.keeper)
    until = time.monotonic() + _PATIENCE_S
    while shims.alive(idle.path) and time.monotonic() < until:
        time.sleep(_LOOK_S * 10)
    remove(idle.path)


def remove(path: Path) -> None:
    """Whatever is left of a warm sandbox. Raises SandboxError, OSError when it does not end."""
    if path.exists():
        shims.reap(path)
        shutil.rmtree(path, ignore_errors=True)


def free_slot(*homes: Path) -> int:
    """A slot that no sandbox below these directories has, whether warm, given to a job or adopted."""
    taken = set()
    for home in homes:
        for file in (*home.glob("*/sandbox.json"), *home.glob("*/sandbox/sandbox.json")):
            with contextlib.suppress(
                OSError, ValueError, KeyError, TypeError
            ):  # just removed, or half of one
                taken.add(json.loads(file.read_text("utf-8"))["plan"]["slot"])
    return next(slot for slot in range(FIRST_SLOT, _PREFLIGHT_SLOT) if slot not in taken)


def _fill(idle: Idle, plan: SandboxPlan) -> None:
    form = idle.kind.form
    hold = Hold(preload=(), places=form.places)
    for place, make in _made(plan):
        top = max((top for top in form.places if PurePosixPath(place).is_relative_to(top)), key=len)
        target = hold.directory(idle.path, top) / PurePosixPath(place).relative_to(top)
        for folder in reversed(target.relative_to(idle.path / "places").parents[:-2]):
            (idle.path / "places" / folder).mkdir(exist_ok=True)
            (idle.path / "places" / folder).chmod(0o755)
        make(target)


def _made(plan: SandboxPlan) -> list[tuple[str, Callable[[Path], None]]]:
    """Places in the sandbox, and how each is filled: with a second name of a file, or a link within the sandbox."""

    def linked(host: str) -> Callable[[Path], None]:
        return lambda target: target.hardlink_to(host)

    def pointing(to: str) -> Callable[[Path], None]:
        return lambda target: target.symlink_to(to)

    files = [(place, linked(host)) for host, place in plan.inputs]
    return files + [(place, pointing(to)) for place, to in plan.links if place != "/kaggle/working"]


def _argv(idle: Idle, plan: SandboxPlan) -> tuple[str, ...]:
    return (*idle.kind.form.held_argv(), *plan.argv[len(idle.kind.form.argv) :])
