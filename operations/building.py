"""Building the sandboxes' environments beside a running site, with a line for every step."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

from operations.commands import CommandFailed, run
from operations.processes import Machine
from operations.running import NotPossible, Say
from runners.agent.settings import SettingsError
from runners.environments import definitions, ready
from runners.environments.images import ready_images
from runners.sandboxes.choice import Sandbox, WrongChoice, docker_host
from runners.sandboxes.engine import EngineError

FIRST = "python"  # what most tasks run in: built before the site is called ready
UNREACHABLE = 3  # exit status of `runners.environments`: trying again later may help
RETRY_BUILD_S = 60.0


def chosen_names(text: str) -> list[str]:
    """What ENVIRONMENTS says, `scoring` left out: that one is always built. Raises NotPossible."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - (set(definitions()) - {"scoring"}))
    if unknown or FIRST not in names:
        raise NotPossible(
            "ENVIRONMENTS names python and, if wanted, torch and tensorflow, separated by commas."
        )
    return names


def kinds(name: str, chosen: Machine) -> list[Sandbox]:
    """What an environment is built for here: nsjail (a folder), Docker (an image), or both. Raises NotPossible.

    The folder of `scoring` is always there: setting up a demo looks into it.
    """
    try:
        sandboxes = {pool.sandbox for pool in chosen.agent_pools()}
    except SettingsError as error:
        raise NotPossible(str(error)) from error
    folder = Sandbox.NSJAIL in sandboxes or name == "scoring"
    image = bool(sandboxes - {Sandbox.NSJAIL})
    return [*([Sandbox.NSJAIL] if folder else []), *([Sandbox.DOCKER] if image else [])]


def missing(names: list[str], chosen: Machine) -> list[str]:
    """Those that are not ready for every sandbox of this machine, in their order. Raises NotPossible."""
    built = _built_ones(chosen)
    return [name for name in names if any(not built(name, kind) for kind in kinds(name, chosen))]


def needs_images(chosen: Machine) -> bool:
    """Whether some pool of this machine runs in Docker: its sandbox cannot be tried before there is an image."""
    return Sandbox.DOCKER in kinds(FIRST, chosen)


def _built_ones(chosen: Machine) -> Callable[[str, Sandbox], bool]:
    """Raises NotPossible when there should be images, and no daemon says which there are."""
    root = chosen.layout.environments
    folders = ready(root) if root.is_dir() else []
    at_daemon: list[str] = []
    if needs_images(chosen):
        try:
            at_daemon = ready_images(docker_host())
        except (EngineError, WrongChoice) as error:
            raise NotPossible(str(error)) from error
    return lambda name, kind: (
        definitions()[name].identifier in (folders if kind is Sandbox.NSJAIL else at_daemon)
    )


async def build(names: list[str], chosen: Machine, say: Say, *, gently: bool = False) -> None:
    """Build environments, one after another; those that are ready take no time.

    Raises CommandFailed, NotPossible.
    """
    built = _built_ones(chosen)
    for name in names:
        for kind in kinds(name, chosen):
            if not built(name, kind):
                what = "environment" if kind is Sandbox.NSJAIL else "the image of environment"
                say(f"building {what} {name}")
                await _build(name, kind, chosen, say, gently=gently)


async def _build(name: str, kind: Sandbox, chosen: Machine, say: Say, *, gently: bool) -> None:
    argv: tuple[str, ...] = (sys.executable, "-m", "runners.environments", "build", name)
    argv += ("--root", str(chosen.layout.environments), "--sandbox", str(kind))
    if gently:
        argv = ("nice", "-n", "19", *argv)
    environment = dict(os.environ)  # noqa: TID251 - uv and pip have settings of their own there
    log = chosen.layout.logs / "environments.log"
    await run(argv, environment, log=log, on_line=lambda line: say(f"  {line}"))


async def build_in_the_background(names: list[str], chosen: Machine, say: Say) -> None:
    """Build large environments while people look around; one that cannot be built does not end the site."""
    for name in names:
        while not await _built(name, chosen, say):  # noqa: ASYNC110 - a pause, not a wait for an event
            await asyncio.sleep(RETRY_BUILD_S)


async def _built(name: str, chosen: Machine, say: Say) -> bool:
    """Try to build one environment; whether trying again would change nothing."""
    try:
        await build([name], chosen, say, gently=True)
    except CommandFailed as error:
        again = error.code == UNREACHABLE
        say(f"{error}{f' (next try in {RETRY_BUILD_S:.0f} s)' if again else ''}")
        return not again
    except NotPossible as error:  # the Docker daemon is away
        say(f"{error} (next try in {RETRY_BUILD_S:.0f} s)")
        return False
    return True
