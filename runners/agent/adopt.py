"""What an agent finds at its start: the runs its predecessor left, however it ended."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import structlog

from runners.agent import box, rundir
from runners.agent.rundir import SANDBOX, RunDir
from runners.sandboxes.plan import SandboxError

log = structlog.get_logger()


def adopt(runs: Path) -> list[RunDir]:
    """The attempts whose end the site still waits for; everything else below `runs` is ended and removed.

    A slot carries each of them on from where it is: a live shim is waited for, an ended run is delivered, and
    one without either never started or lost its shim, which `shims.outcome` tells and the slot gives back.
    Only to be called by the agent that holds the agent directory's lock, before it claims anything.
    """
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = []
    for item in rundir.scan(runs):
        if isinstance(item, RunDir):
            _count(item)
            found.append(item)
            continue
        log.info("rubbish removed", run=item.name)
        try:
            box.reap(item / SANDBOX)
        except (SandboxError, OSError, ValueError) as error:
            log.warning("rubbish not reaped", run=item.name, error=str(error))
        else:
            rundir.remove_tree(item)
    return found


def _count(item: RunDir) -> None:
    """One more agent has died over this attempt. A disk that is full keeps no run from being adopted."""
    with suppress(OSError):
        item.count_death()
    log.info("adopted", job=item.spec.job_id, attempt=item.spec.attempt, slot=item.slot, deaths=item.deaths())
