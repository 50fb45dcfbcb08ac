"""What a shim supervises: a body. One kind for each sandbox; the walk in `__main__` is the same for all."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol

from runners.sandboxes.cgroups import Cgroup
from runners.sandboxes.plan import Hold, SandboxPlan
from runners.shim.box import Box
from runners.spec import Limits


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """What a body is made from, before anything was mounted or started."""

    rundir: Path  # absolute, and only for what is started now: the directory may be renamed later
    settings: dict[str, Any]  # sandbox.json
    plan: SandboxPlan
    hold: Hold | None  # of a warm sandbox


class Drainable(Protocol):
    """The stream of everything the program writes; `fileno` becomes readable when there is something."""

    def fileno(self) -> int: ...

    def read(self, most: int) -> bytes | None:
        """Some bytes; None when there are none now, b"" at the end. Never waits."""
        ...

    def close(self) -> None: ...


class Body(Protocol):
    """The program in its sandbox. Every verb may raise SandboxError or OSError: a fault of ours."""

    log: Drainable  # from `start` on
    end: int  # from `start` on: a descriptor that becomes readable when the program has ended

    @property
    def box(self) -> Box:
        """The file systems that it will be started in; the walk mounts them."""
        ...

    def own_processes(self, limits: Limits) -> int:
        """How many of the sandbox itself share the program's cgroup."""
        ...

    def start(self, cgroup: Cgroup | None) -> None:
        """Run the program inside `cgroup`; a held one says hook.READY in its log, then waits for `release`."""
        ...

    def release(self, plan: SandboxPlan) -> None:
        """Let a held program go, with the arguments, variables and limits of `plan`; its files are in place.

        The walk has set the cgroup's limits and the size of the box, and its timers have begun.
        """
        ...

    def kill(self) -> None:
        """End every process of the run; all are dead when this returns. Raises SandboxError."""
        ...

    def how_it_ended(self, *, killed: bool) -> tuple[int | None, int | None]:
        """(exit code, signal) of the program. Raises SandboxError when it was never started."""
        ...

    def leave(self) -> bool:
        """Remove what lies outside of the shim's own namespaces, once the facts are told; whether all of it is gone."""
        ...
