"""What the sandboxes of this host enforce: tried before an agent works, told to the site with every claim.

Theory of operation. Trying takes about a second, and an agent that was killed must be back sooner than that: its
runs go on. So what was found is kept in the agent's directory, and believed again within the same boot, for the
same user, runner and sandboxes, for some hours. A command that an operator starts always tries anew.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runners.agent.version import installed_version
from runners.sandboxes import delegation, preflight, table
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.preflight import Row, Status

KEPT = "preflight.json"
GOOD_FOR_S = 12 * 3600.0
Found = Mapping[Sandbox, list[Row]]


def examine(agent_dir: Path, sandboxes: Iterable[Sandbox]) -> Found:
    """Try each of these sandboxes, and keep what was found."""
    delegation.step_aside()  # in a unit with Delegate=yes, before any limit can be set
    found = {sandbox: _check(sandbox) for sandbox in sorted(set(sandboxes))}
    agent_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = {sandbox: [dataclasses.asdict(row) for row in rows] for sandbox, rows in found.items()}
    draft = agent_dir / f"{KEPT}.new"
    draft.write_text(json.dumps({"at": time.time(), "where": _where(), "found": told}), "utf-8")
    draft.replace(agent_dir / KEPT)
    return found


def known(agent_dir: Path, sandboxes: Iterable[Sandbox]) -> Found:
    """What was found lately about these sandboxes, else what is found now."""
    wanted = set(sandboxes)
    delegation.step_aside()
    try:
        kept: dict[str, Any] = json.loads((agent_dir / KEPT).read_text("utf-8"))
        if kept["where"] == _where() and 0 <= time.time() - kept["at"] < GOOD_FOR_S:
            found = {Sandbox(name): [_row(raw) for raw in rows] for name, rows in kept["found"].items()}
            # What was missing is looked for again: it may be there by now.
            if wanted <= found.keys() and not refusal(found, allow_soft=True):
                return {sandbox: found[sandbox] for sandbox in wanted}
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none, or that of another version
    return examine(agent_dir, wanted)


def told(rows: Iterable[Row]) -> list[dict[str, str]]:
    """The rows as a claim carries them."""
    return [dataclasses.asdict(row) | {"status": str(row.status)} for row in rows]


def refusal(found: Found, *, allow_soft: bool) -> str:
    """Why no agent may work here, in one line; empty when it may."""
    return next(filter(None, (table.refusal(rows, allow_soft=allow_soft) for rows in found.values())), "")


def _check(sandbox: Sandbox) -> list[Row]:
    return preflight.check(None, sandbox)


def _row(raw: dict[str, str]) -> Row:
    return Row(**(raw | {"status": Status(raw["status"])}))  # type: ignore[arg-type]


def _where() -> dict[str, object]:
    """What must be the same for a kept finding to be believed."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return {"boot": boot, "uid": os.geteuid(), "version": installed_version()}
