"""The agent's view of the sandbox: from a job to a plan, and the few verbs an attempt needs."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from runners.agent import readiness
from runners.agent.rundir import RunDir
from runners.agent.settings import Settings
from runners.gpu.access import access_to
from runners.gpu.choice import pynvml_file
from runners.gpu.keeper import Kept
from runners.sandboxes import shims, trees
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.plan import SandboxError, SandboxPlan
from runners.spec import JobSpec, OutputFile
from runners.warm.idle import give
from runners.warm.pool import WarmPool

cancel, outcome, points, reap, usage = (shims.cancel, shims.outcome, shims.points, shims.reap, shims.usage)


class CannotStart(Exception):
    """Nothing ran, and the contestant is not to blame."""


def start(
    run: RunDir, settings: Settings, threads: int, sandbox: str, kept: Kept, *, warm: WarmPool | None
) -> bool:
    """Start the sandbox of an attempt whose inputs are in place; its shim has the devices. Raises CannotStart.

    True when it was a warm one.
    """
    try:
        environment, image = readiness.located(settings, Sandbox(sandbox), run.spec)
        known = with_devices(plan(run.spec, run, environment, threads, image), kept, settings.gpus, sandbox)
        if warm is not None and _start_warm(run, known, sandbox, warm):
            return True
        kept.assign(run.path.name)
        inherited = [lease.handle for lease in kept.leases]
        shims.launch(run.sandbox, known, sandbox, cgroup=run.path.name, inherited=inherited)
        kept.let_go()
    except (SandboxError, OSError, LookupError, ValueError) as error:
        raise CannotStart(str(error)) from error
    return False


def _start_warm(run: RunDir, known: SandboxPlan, sandbox: str, warm: WarmPool) -> bool:
    """Whether there was a warm sandbox for it, and it runs."""
    # An organiser's own image is not kept warm.
    idle = None if run.spec.image else warm.take(known, run.spec.environment, sandbox)
    if idle is None:
        return False
    return give(idle, known, run.sandbox)


def plan(spec: JobSpec, run: RunDir, environment: Path, threads: int, image: str = "") -> SandboxPlan:
    return SandboxPlan(
        argv=spec.argv,
        environment=str(environment),
        limits=spec.limits,
        required_output=spec.required_output,
        kept=spec.kept,
        inputs=tuple((str(run.place_of(item)), item.path) for item in spec.inputs),
        links=spec.links,
        slot=run.slot,
        tree=spec.tree,
        cwd=spec.cwd,
        image=image,
        env=(("OMP_NUM_THREADS", str(threads)), ("PODIUM_JOB_KIND", str(spec.kind))),
    )


def with_devices(known: SandboxPlan, kept: Kept, source: str, sandbox: str) -> SandboxPlan:
    """The plan of a run that has these devices of the driver that `source` names."""
    if not kept.devices:
        return known
    in_container = Sandbox(sandbox) is not Sandbox.NSJAIL
    access = access_to(kept.devices, source=source, pynvml=pynvml_file(), in_container=in_container)
    return dataclasses.replace(known, devices=tuple(device.id for device in kept.devices), access=access)


def unpack_trees(run: RunDir) -> None:
    """Unpack the archives among an attempt's inputs, in its own directory. Raises BadArchive, OSError."""
    for item in run.spec.inputs:
        place = run.place_of(item)
        if item.unpack and not place.exists():
            place.parent.mkdir(exist_ok=True)
            place.parent.chmod(0o755)
            trees.unpack(run.input_path(item.sha256), place)


def threads_per_slot(slots: int) -> int:
    """An even share of this host's processors, so that full slots do not slow each other down."""
    return max(1, len(os.sched_getaffinity(0)) // max(1, slots))


def collected(path: Path, file: OutputFile) -> Path:
    """Where the shim put a collected file. Raises ValueError for a name that is no bare name."""
    if Path(file.name).name != file.name:
        raise ValueError(f"{file.name!r} is not a bare file name")
    return path / "outputs" / file.name
