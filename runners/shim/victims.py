"""Who goes first when the host runs out of memory: runs, and never what watches over them."""

from __future__ import annotations

import contextlib
from pathlib import Path

PREFERRED, SPARED = 500, -500


def oom_score(value: int) -> None:
    """Set the calling process' oom_score_adj; children inherit it."""
    with contextlib.suppress(OSError):  # only root may lower it
        Path("/proc/self/oom_score_adj").write_text(str(value), "ascii")
