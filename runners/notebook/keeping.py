"""Keeps /output/notebook.* up to date while the notebook runs, at a small share of its time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nbformat

from runners.notebook.kernel import Client

EXECUTED, PAGE, REPORT = "notebook.ipynb", "notebook.html", "notebook.json"  # as in bundle.py
_LOOK_S = 0.5
_REST = 20  # a save waits this many times as long as the last one took: it costs at most 5 % of the time
_FIRST_S = 2.0
_LAST_S = 3.0  # before the time limit: the last chance to draw
_SPARE_S, _SPARE_PART = 1.0, 0.1  # of the time limit that drawing leaves, the smaller of both


class Keeper:
    """Writes the notebook, its page and a report of how far it came. A failure to write fails no run."""

    def __init__(self, client: Client, folder: Path, wall_s: float, deadline: float) -> None:
        self._client, self._folder = client, folder
        self._deadline = deadline
        self._spare_s = min(_SPARE_S, _SPARE_PART * wall_s)
        self._cost = 0.0
        self._saved_at = time.monotonic() - _FIRST_S / 2
        self._last_done = False
        self._lock = asyncio.Lock()
        self._serials = itertools.count(1)
        self._written: dict[str, int] = {}  # the serial of what lies there
        self._replacing = threading.Lock()

    async def keep(self) -> None:
        """Save now and then, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._client.changed and self._due():
                await self.save()

    def _due(self) -> bool:
        now = time.monotonic()
        if not self._last_done and now > self._deadline - max(_LAST_S, 4 * self._cost):
            self._last_done = True
            return True
        return now - self._saved_at > max(_FIRST_S, _REST * self._cost)

    async def save(self, *, page: bool = True) -> None:
        async with self._lock:
            self._client.changed = not page
            began = time.monotonic()
            try:
                # As text, at once: the cells go on changing while a thread writes them out.
                text = nbformat.writes(self._client.nb)
            except Exception as error:  # noqa: BLE001 - an odd output must not take the run along
                _say(f"the notebook could not be kept: {type(error).__name__}")
                return
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._write_all, text, page)
            self._saved_at = time.monotonic()
            self._cost = self._saved_at - began

    async def finish(self) -> bool:
        """The last save. Whether there was time to draw the page, too: a notebook that is done is not late by that.

        If not, a thread goes on drawing.
        """
        await self.save(page=False)
        left_s = self._deadline - self._spare_s - time.monotonic()
        try:
            await asyncio.wait_for(self.save(), max(0.0, left_s))
        except TimeoutError:
            _say("no time was left to draw the notebook's page as it stands at the end")
            return False
        return True

    def _write_all(self, text: str, page: bool) -> None:  # noqa: FBT001 - of its one caller
        serial = next(self._serials)
        self._write(EXECUTED, text, serial)
        if page:
            self._draw(text, serial)

    def _draw(self, text: str, serial: int) -> None:
        # Here, not above: the kernel starts meanwhile, and a notebook that fails at once is told at once.
        from runners.notebook.page import draw  # noqa: PLC0415

        try:
            page = draw(nbformat.reads(text, as_version=4), "notebook.ipynb")
        except Exception as error:  # noqa: BLE001 - an odd output must not take the run along
            _say(f"the notebook's page could not be drawn: {type(error).__name__}")
            return
        self._write(PAGE, page, serial)

    def report(self, told: dict[str, Any]) -> None:
        """Say how far the notebook is; small, and written before and after every cell."""
        with contextlib.suppress(OSError):
            self._write(REPORT, json.dumps(told), next(self._serials))

    def _write(self, name: str, text: str, serial: int) -> None:
        """A thread goes on when whoever waited for it is cancelled: each has a draft of its own, the newest stays."""
        draft = self._folder / f".{name}.{serial}"  # a leading dot: never collected half written
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            with self._replacing:
                if serial > self._written.get(name, 0):
                    draft.replace(self._folder / name)
                    self._written[name] = serial
        finally:
            draft.unlink(
                missing_ok=True
            )  # of a full disk, of a directory in the file's place, of an older state


def _say(line: str) -> None:
    sys.stdout.write(f"[Podium] {line}\n")
    sys.stdout.flush()
