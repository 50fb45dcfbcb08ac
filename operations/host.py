"""Whether this machine can run a site with its sandboxes, said before anything is built."""

from __future__ import annotations

import asyncio
import os
import shutil

from operations.layout import Layout
from operations.processes import Machine
from operations.running import NotPossible, Say
from runners.agent import examined
from runners.agent.settings import SettingsError, allows_soft_limits
from runners.environments import definitions, ready
from runners.sandboxes import table
from runners.sandboxes.preflight import Status

MB = 1_000_000
SPARE_MB = 300  # database, logs, blobs and the cache of inputs


def check_disk(layout: Layout, environments: list[str]) -> None:
    """Raise NotPossible when what is still to be built does not fit."""
    built = ready(layout.environments) if layout.environments.is_dir() else []
    known = definitions()
    missing = [known[name] for name in environments if known[name].identifier not in built]
    needed = sum(definition.disk_mb for definition in missing) + SPARE_MB
    layout.var.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(layout.var).free // MB
    if free < needed:
        names = ", ".join(definition.name for definition in missing)
        hint = " or leave the large ones out with ENVIRONMENTS=python" if len(environments) > 2 else ""  # noqa: PLR2004
        raise NotPossible(
            f"{needed} MB of free disk are needed{' to build ' + names if names else ''}, and there are "
            f"{free} MB below {layout.var}: free some space{hint}."
        )


async def check_sandbox(chosen: Machine, say: Say) -> None:
    """Try what the sandboxes of this machine enforce, and keep it for the agent, which tells the site.

    Raise NotPossible when a limit is not held here, or only watched and the operator did not allow that: no
    stranger's code may run then.
    """
    try:
        sandboxes = {pool.sandbox for pool in chosen.agent_pools()}
        allows_soft = chosen.accepts_soft_limits or allows_soft_limits(os.environ)  # noqa: TID251 - the agent's
    except SettingsError as error:
        raise NotPossible(str(error)) from error
    found = await asyncio.to_thread(examined.examine, chosen.layout.agent, sandboxes)
    rows = [row for sandbox in sorted(found) for row in found[sandbox]]
    lines = table.lines(rows)
    (chosen.layout.logs / "preflight.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if why := examined.refusal(found, allow_soft=allows_soft):
        raise NotPossible(why)
    soft = [row.limit for row in rows if row.status is Status.SOFT]
    if soft:
        by_whom = (
            "which a demo accepts" if chosen.accepts_soft_limits else "which PODIUM_ALLOW_SOFT_LIMITS accepts"
        )
        say(
            f"the sandbox watches {' and '.join(soft)} instead of enforcing them, {by_whom} "
            "(make preflight tells why)"
        )
    else:
        say("the sandbox enforces every limit (make preflight tells by what)")
