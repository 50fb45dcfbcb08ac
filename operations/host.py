"""Whether this machine can run a site with its sandboxes, said before anything is built."""

from __future__ import annotations

import asyncio
import shutil

from operations.layout import Layout
from operations.processes import Machine
from operations.running import NotPossible, Say
from runners.environments import definitions, ready
from runners.sandboxes import preflight

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
    """Raise NotPossible when a limit is not held here at all: no stranger's code may run then."""
    rows = await asyncio.to_thread(preflight.check, None)
    lines = [f"{row.limit:16} {row.status:8} {row.enforced_by} {row.advice}".rstrip() for row in rows]
    (chosen.layout.logs / "preflight.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    soft = [row.limit for row in rows if row.status is preflight.Status.SOFT]
    missing = [row for row in rows if row.status is preflight.Status.MISSING]
    if missing:
        raise NotPossible(f"the sandbox does not hold here ({missing[0].limit}): {missing[0].advice}")
    if soft:
        say(f"the sandbox watches {' and '.join(soft)} instead of enforcing them (make preflight tells why)")
    else:
        say("the sandbox enforces every limit (make preflight tells by what)")
