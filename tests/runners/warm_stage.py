"""The stage of the sandbox tests with warm sandboxes: each program gets one that has waited for it."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path

from runners.sandboxes import shims
from runners.sandboxes.plan import Hold, SandboxPlan
from runners.spec import Limits
from runners.warm.idle import Idle, Kind, give
from runners.warm.shapes import SCRIPT
from tests.runners.sandbox_stage import SLOT, SandboxStage, until

IDLE_LIMITS = Limits(memory_mb=1024, disk_mb=64, inodes=2000, pids=1024)


class WarmStage(SandboxStage):
    """Where a plan fits no warm sandbox it starts cold, as a job would."""

    preload: tuple[str, ...] = ()

    def idle(self, slot: int = SLOT, **env: str) -> Idle:
        """One that waits."""
        path = self.directory / f"warm-{uuid.uuid4().hex}"
        path.mkdir(mode=0o700)
        plan = SandboxPlan(
            argv=SCRIPT.held_argv(),
            environment=str(self.environment),
            limits=IDLE_LIMITS,
            required_output="nothing",
            slot=slot,
            env=tuple(env.items()),
            image=self.image,
        )
        keeper = shims.launch_held(path, plan, self.sandbox, Hold(preload=self.preload, places=SCRIPT.places))
        waiting = Idle(Kind(self.sandbox, "bare@0123456789ab", SCRIPT.name), path, slot, keeper)
        until(waiting.ready, "a warm sandbox")
        return waiting

    def start(self, rundir: Path, plan: SandboxPlan) -> None:
        if not SCRIPT.fits(plan):
            super().start(rundir, plan)
            return
        waiting = self.idle(
            plan.slot, **{name: "" if name == "PODIUM_JOB_KIND" else value for name, value in plan.env}
        )
        assert give(waiting, dataclasses.replace(plan), rundir)
