"""What is Docker's on the agent's side, with runc or with gVisor: the daemon, the image, what a dead shim leaves.

The shim of a container lives in the host's own namespaces: the daemon must see the file systems that it mounts. So
a shim killed by force leaves a container, mounts and a cgroup behind, until `clear` (and then `reap`) removes them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runners.sandboxes import choice
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.docker_flags import CONTAINER_LABEL
from runners.sandboxes.engine import Engine
from runners.sandboxes.mounts import unmount
from runners.sandboxes.plan import SandboxError, SandboxPlan

ENVIRONMENT_LABEL = "podium.environment"  # on our own images: their interpreter is /env/bin/python
_REMOVAL_S = 8.0


class Docker:
    """A Kind (shims.py) for each runtime."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._runtime = sandbox.runtime

    def settings(self, _rundir: Path, plan: SandboxPlan) -> dict[str, Any]:
        """What the shim needs to know. Raises SandboxError when there is no daemon, runtime or image for the plan."""
        if os.geteuid() != 0:
            raise SandboxError("Docker sandboxes need an agent that is root on the daemon's host")
        if not plan.image:
            raise SandboxError("a Docker sandbox needs an image")
        host = choice.docker_host()
        engine = Engine(host)
        image = engine.local_image(plan.image)
        configuration = image.get("Config") or {}
        ours = ENVIRONMENT_LABEL in (configuration.get("Labels") or {})
        return {
            "docker_host": host,
            "runtime": self._runtime,
            "image": image["Id"],
            "python": "/env/bin/python" if ours else "python3",
            "image_env": [line.partition("=")[0] for line in configuration.get("Env") or ()],
            "image_is_ours": ours,
        }

    def prefix(self) -> Sequence[str]:
        return ()

    def clear(self, rundir: Path, settings: dict[str, Any]) -> None:
        """Remove the container and the mounts. Raises SandboxError: the caller tries again later."""
        remove_container(Engine(settings["docker_host"]), container_name(settings))
        unmount_box(rundir)


def container_name(settings: dict[str, Any]) -> str:
    """After the attempt, or the warm sandbox that was given to it: whoever knows `sandbox.json` finds it."""
    return f"podium-{settings['cgroup']}"


def remove_container(engine: Engine, name: str) -> None:
    """Kill and remove by name; harmless when there is none. Raises SandboxError."""
    deadline = time.monotonic() + _REMOVAL_S
    while not engine.remove(name):
        if time.monotonic() > deadline:
            raise SandboxError(f"the Docker daemon does not remove the container {name}")
        time.sleep(0.01)


def unmount_box(rundir: Path) -> None:
    """Unmount what `Box.mount` mounted, inner first."""
    unmount(rundir / "box" / "files")
    unmount(rundir / "box")


def containers(engine: Engine) -> list[str]:
    """Names of all containers that any agent's shim made on this daemon."""
    return engine.labelled(CONTAINER_LABEL)
