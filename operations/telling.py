"""Lines for the operator's terminal."""

from __future__ import annotations

import sys
import time


class Telling:
    """Each line with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def __call__(self, line: str) -> None:
        sys.stdout.write(f"[{self.elapsed:4.0f} s] {line}\n")
        sys.stdout.flush()
