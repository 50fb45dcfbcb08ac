"""What was looked up last, kept for a while: what is asked for often, and costs much or changes seldom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Shared by the threads of this process: one looks, the others wait for it."""

    def __init__(self, look: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._clock = look, clock
        self._lock = threading.Lock()
        self._found: tuple[T, float] | None = None  # with the time at which it was found

    def get(self, kept_s: float) -> T:
        """What a look found that is at most so old."""
        with self._lock:
            found = self._found  # another thread may forget it meanwhile
            if found is None or self._clock() - found[1] >= kept_s:
                found = self._found = (self._look(), self._clock())
            return found[0]

    def know(self, found: T) -> None:
        """Take this for what a look has just found."""
        self._found = (found, self._clock())

    def forget(self) -> None:
        """Look again at the next question."""
        self._found = None
