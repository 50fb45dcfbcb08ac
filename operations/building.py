"""Building the sandboxes' environments beside a running site, with a line for every step."""

from __future__ import annotations

import asyncio
import os
import sys

from operations.commands import CommandFailed, run
from operations.processes import Machine
from operations.running import NotPossible, Say
from runners.environments import definitions, ready

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


async def build(names: list[str], chosen: Machine, say: Say, *, gently: bool = False) -> None:
    """Build environments, one after another; those that are ready take no time. Raises CommandFailed."""
    root = chosen.layout.environments
    built = ready(root)
    for name in names:
        if definitions()[name].identifier in built:
            continue
        say(f"building environment {name}")
        argv: tuple[str, ...] = (
            sys.executable,
            "-m",
            "runners.environments",
            "build",
            name,
            "--root",
            str(root),
        )
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
    return True
