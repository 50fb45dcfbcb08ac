"""What an agent that died by force may have left of its warm sandboxes."""

from __future__ import annotations

from pathlib import Path

import structlog

from runners.sandboxes.plan import SandboxError
from runners.warm.idle import remove

log = structlog.get_logger()


def remove_rubbish(agent_dir: Path) -> None:
    """Only to be called by the agent that holds the directory's lock, before it keeps any of its own."""
    for path in (agent_dir / "warm").glob("warm-*"):
        log.info("rubbish removed", warm=path.name)
        try:
            remove(path)
        except (SandboxError, OSError, ValueError, KeyError) as error:
            log.warning("rubbish not reaped", warm=path.name, error=str(error))
