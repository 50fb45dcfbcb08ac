"""`make run`: a site for others, on what is in var/, with a line for everything that happens.

    prepare ─────────┬─ start the site ─ build `scoring` and `python` ─ "ready" ─ build the rest
    try the sandbox ─┘

The site answers before anything is built: the first administrator can set up a contest meanwhile, and what needs an
environment waits for it. With Docker the images of `scoring` and `python` come first: its sandbox cannot be tried
without one.
"""

from __future__ import annotations

import asyncio
import sys

from operations import building, host, processes, reach, running
from operations.building import FIRST, build, build_in_the_background
from operations.commands import together
from operations.processes import Machine
from operations.running import Say
from operations.supervisor import Supervisor
from operations.telling import Telling

SETUP = "setup "  # said by `prepare_site` before the path of the first administrator's page


async def serve(chosen: Machine, environments: list[str], *, with_agent: bool) -> None:
    """Run the site until it is cancelled. `environments`: what to build; raises what `until_told_to_stop` prints."""
    say = Telling()
    missing = building.missing(["scoring", *environments], chosen) if environments else []
    if missing:
        host.check_disk(chosen.layout, ["scoring", *environments])
    async with running.supervised(chosen, say) as supervisor:
        first = [name for name in missing if name in {"scoring", FIRST}]
        if first and building.needs_images(chosen):
            await build(first, chosen, say)
        setup = await _site(supervisor, chosen, say, with_agent=with_agent)
        if missing:
            _point_to(chosen, setup)
            await build(first, chosen, say)
        _announce(chosen, setup, say)
        await build_in_the_background(
            [name for name in missing if name not in {"scoring", FIRST}], chosen, say
        )
        await asyncio.Event().wait()


async def _site(supervisor: Supervisor, chosen: Machine, say: Say, *, with_agent: bool) -> str:
    """Start all processes; the path where the first administrator is made, or nothing when there is one."""
    said: list[str] = []
    say("preparing database and static files")
    preparing = running.prepare(chosen, "--setup", on_line=said.append)
    await together(preparing, *([host.check_sandbox(chosen, say)] if with_agent else []))
    say("starting the web process, the judge and the publisher")
    await running.start_site(supervisor, chosen)
    if with_agent:
        await supervisor.start_and_wait(processes.agent(chosen))
    return next((line.removeprefix(SETUP) for line in said if line.startswith(SETUP)), "")


def _point_to(chosen: Machine, setup: str) -> None:
    if setup:
        sys.stdout.write(f"\nMake the first administrator: {chosen.address}{setup}   (works once)\n\n")
        sys.stdout.flush()


def _announce(chosen: Machine, setup: str, say: Say) -> None:
    reach.tell(chosen, say)
    sys.stdout.write(f"\nPodium is ready: {chosen.address}\n")
    _point_to(chosen, setup)
    sys.stdout.write(f"Ctrl-C stops it; everything is kept in {chosen.layout.var}.\n\n")
    sys.stdout.flush()
