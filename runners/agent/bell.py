"""Bells: a word from the site that a job of a pool may be waiting.

Theory of operation. The site's database is the queue; a bell only saves waiting. So what a bell says is never
looked at, a lost or doubled one changes nothing, and a broker or stream that is away costs at most one look
interval. `Bell` is what a slot waits on: one ring wakes one slot, and a slot
that got a job rings for the next one, so that ten waiting jobs wake ten slots one after another, while one
waiting job does not make every slot ask. A ring while all slots work is kept for the first one that is free.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import structlog

from runners.agent.site import Backoff

log = structlog.get_logger()


class Bell:
    """Wakes one waiting slot for each ring; rings do not add up."""

    def __init__(self) -> None:
        self._rung = False
        self._closed = False
        self._changed = threading.Condition()

    def ring(self) -> None:
        with self._changed:
            self._rung = True
            self._changed.notify()

    def close(self) -> None:
        """Wake everybody, now and from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait for a ring and take it; False when the time went by without one."""
        with self._changed:
            rung = self._changed.wait_for(lambda: self._rung or self._closed, timeout)
            self._rung = False
            return rung


class StreamListener(threading.Thread):
    """Hears one pool's bell on the site's live stream: for a host that is not on the site's broker.

    `listen` opens the stream and yields the names of its events ("" for any other sign of life).
    """

    def __init__(self, slug: str, bell: Bell, listen: Callable[[], Iterator[str]]) -> None:
        super().__init__(name=f"bell {slug}", daemon=True)
        self._slug, self._bell, self._listen = slug, bell, listen

    def run(self) -> None:
        backoff = Backoff(first=0.5, most=30.0)
        missed, told = True, False
        while True:
            try:
                for event in self._listen():
                    if (
                        missed or event
                    ):  # the first sign of life: one may have been lost while nobody listened
                        self._bell.ring()
                    missed = told = False
                    backoff.reset()
            except Exception as error:  # noqa: BLE001  whatever the site does, the agent goes on looking
                if not told:
                    log.warning("bell stream away", pool=self._slug, error=type(error).__name__)
                told = True
            missed = True
            time.sleep(backoff.next())
