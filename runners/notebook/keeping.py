"""Keeps /output/notebook.* up to date while the notebook runs, at a small share of its time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
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


class Keeper:
    """Writes the notebook, its page and a report of how far it came. A failure to write fails no run."""

    def __init__(self, client: Client, folder: Path, wall_s: float) -> None:
        self._client, self._folder = client, folder
        self._deadline = time.monotonic() + wall_s
        self._cost = 0.0
        self._saved_at = time.monotonic() - _FIRST_S / 2
        self._last_done = False
        self._lock = asyncio.Lock()

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
            # As text, at once: the cells go on changing while a thread writes them out.
            text = nbformat.writes(self._client.nb)
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._write_all, text, page)
            self._saved_at = time.monotonic()
            self._cost = self._saved_at - began

    def _write_all(self, text: str, page: bool) -> None:  # noqa: FBT001 - of its one caller
        self._write(EXECUTED, text)
        if page:
            self._draw(text)

    def _draw(self, text: str) -> None:
        # Here, not above: the kernel starts meanwhile, and a notebook that fails at once is told at once.
        from runners.notebook.page import draw  # noqa: PLC0415

        try:
            page = draw(nbformat.reads(text, as_version=4), "notebook.ipynb")
        except Exception as error:  # noqa: BLE001 - an odd output must not take the run along
            sys.stdout.write(f"[Podium] the notebook's page could not be drawn: {type(error).__name__}\n")
            sys.stdout.flush()
            return
        self._write(PAGE, page)

    def report(self, told: dict[str, Any]) -> None:
        """Say how far the notebook is; small, and written before and after every cell."""
        with contextlib.suppress(OSError):
            self._write(REPORT, json.dumps(told))

    def _write(self, name: str, text: str) -> None:
        draft = self._folder / f".{name}.draft"  # a leading dot: never collected half written
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        draft.replace(self._folder / name)
