"""Which sandbox and which Docker daemon: what an operator says in PODIUM_SANDBOX, PODIUM_POOLS, PODIUM_DOCKER_HOST."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping

DOCKER_HOST = "unix:///var/run/docker.sock"


class Sandbox(enum.StrEnum):
    """What jobs run in. runsc is Docker with gVisor, a kernel of its own in user space."""

    NSJAIL = "nsjail"
    DOCKER = "docker"
    RUNSC = "runsc"

    @property
    def runtime(self) -> str:
        """What Docker calls it."""
        return "runsc" if self is Sandbox.RUNSC else "runc"


class WrongChoice(Exception):
    """A setting names a sandbox or a daemon that there cannot be; the message is one line that says which."""


def named(text: str, setting: str) -> Sandbox:
    """Raises WrongChoice."""
    try:
        return Sandbox(text)
    except ValueError:
        raise WrongChoice(f'{setting}: "{text}" is no sandbox; there are {", ".join(Sandbox)}') from None


def default_sandbox(env: Mapping[str, str] | None = None) -> Sandbox:
    """What PODIUM_SANDBOX says, nsjail if it says nothing. Raises WrongChoice."""
    return named(_read(env, "PODIUM_SANDBOX") or Sandbox.NSJAIL, "PODIUM_SANDBOX")


def docker_host(env: Mapping[str, str] | None = None) -> str:
    """The daemon's socket as `unix:///…`. Raises WrongChoice: sandboxes share files with it, so it is no other host."""
    address = _read(env, "PODIUM_DOCKER_HOST") or DOCKER_HOST
    if not address.startswith("unix:///"):
        raise WrongChoice(f'PODIUM_DOCKER_HOST must be a socket of this host, unix:///…, not "{address}"')
    return address


def _read(env: Mapping[str, str] | None, name: str) -> str:
    source: Mapping[str, str] = os.environ if env is None else env  # noqa: TID251  commands read it, and the agent
    return source.get(name, "").strip()
