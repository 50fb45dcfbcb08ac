"""Who goes first when the host runs out of memory: runs, and never what watches over them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PREFERRED, SPARED = 500, -500


def oom_score(value: int) -> None:
    """Set the calling process' oom_score_adj; children inherit it."""
    with contextlib.suppress(OSError):  # only root may lower it
        Path("/proc/self/oom_score_adj").write_text(str(value), "ascii")


def scheduled(thread: int, policy: int) -> None:
    """Only root may take a thread back out of SCHED_IDLE, so only root puts one in."""
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(thread, policy, os.sched_param(0))
