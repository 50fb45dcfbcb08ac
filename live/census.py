"""How many streams each web process holds: told to the broker by each, read by whoever wants the sum."""

from __future__ import annotations

import time
from typing import Any

KEY = "live:census"
TOLD_FOR_S = 20.0  # a process tells every few seconds; one that fell silent is gone


def told(streams: int, *, now: float | None = None) -> str:
    return f"{streams}@{(time.time() if now is None else now):.0f}"


def read(client: Any) -> list[int]:
    """The streams of each living process. Forgets the dead ones. Raises what the client raises."""
    since = time.time() - TOLD_FOR_S
    counts, dead = [], []
    for process, said in client.hgetall(KEY).items():
        streams, _, at = said.decode().partition("@")
        if float(at) >= since:
            counts.append(int(streams))
        else:
            dead.append(process)
    if dead:
        client.hdel(KEY, *dead)
    return counts
