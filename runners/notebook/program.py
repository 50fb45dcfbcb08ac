"""The driver's main: cell after cell, a line in the log for each, and an exit status that says how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellExecutionError, DeadKernelError

from runners.notebook import cells, held
from runners.notebook.keeping import Keeper
from runners.notebook.kernel import Client, LastWords, plain
from runners.notebook.printed import settled

NOTEBOOK, OUTPUT = Path("/submission/notebook.ipynb"), Path("/output")
_MESSAGE = 500  # characters of an exception's message that are told


def main(began: float) -> int:
    """0 when every cell ran, 1 when one failed or the kernel died, 2 when the file cannot be run.

    `began` is when the time limit began to count, of `time.monotonic`.
    """
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    wall_s = float(sys.argv[1])
    # A thread that draws holds the interpreter for so long at each turn, and a message of the kernel takes many turns.
    sys.setswitchinterval(0.0005)
    try:
        notebook = cells.read(NOTEBOOK)
    except cells.Unreadable as error:
        _say(f"[Podium] this is not a notebook that can be run: {error}")
        return 2
    return asyncio.run(_Notebook(notebook, wall_s, began + wall_s).run())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class _Ended(Exception):
    """A cell called exit() or sys.exit(0): the notebook is over, and nothing is wrong."""


class _Notebook:
    """One run of one notebook."""

    def __init__(self, notebook: Any, wall_s: float, deadline: float) -> None:
        waiting = held.take()
        self._client = Client(notebook, waiting)
        self._keeper = Keeper(self._client, OUTPUT, wall_s, deadline)
        self._words = LastWords(waiting.errors if waiting is not None else None)
        self._indexes = [index for index, cell in enumerate(notebook.cells) if cells.is_run(cell)]
        self._told: dict[str, Any] = {"cells": len(self._indexes), "done": 0}

    async def run(self) -> int:
        # Plots are drawn into the notebook; the sandbox's own setting is for scripts, which show none.
        backend = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        environment = dict(os.environ) | backend  # noqa: TID251 - the sandbox's, handed on to the kernel
        asyncio.get_running_loop().add_reader(self._words.reading, self._words.read)
        keeping: asyncio.Future[None] | None = None
        started = False
        try:
            words = self._words
            pipes = {"stdout": subprocess.DEVNULL, "stderr": words.writing}
            async with self._client.async_setup_kernel(cwd=str(OUTPUT), env=environment, **pipes):
                started = True
                await self._keeper.save(page=False)  # so that a run killed at once leaves its sources
                # Not before: the kernel would be late by a page that takes long to draw.
                keeping = asyncio.ensure_future(self._keeper.keep())
                status = await self._all_cells()
                keeping.cancel()
                if not await self._keeper.finish():
                    os._exit(
                        status
                    )  # else the thread that draws would be waited for; as process 1 we take all along
        except RuntimeError as error:
            if started:
                raise
            _say(f"[Podium] the kernel did not start: {error}")
            return 1
        finally:
            if keeping is not None:
                keeping.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await keeping
        return status

    async def _all_cells(self) -> int:
        for number, index in enumerate(self._indexes, start=1):
            try:
                await self._one_cell(number, index)
            except _Ended:
                self._told["done"] = number
                self._keeper.report(self._told)
                _say(f"[cell {number}/{len(self._indexes)}] ended the notebook")
                return 0
            except CellExecutionError as error:
                self._failed(number, index, error.ename, plain(error.evalue), await self._client.ancestry())
                return 1
            except DeadKernelError:
                if words := self._words.text():
                    _say(words)
                self._failed(number, index, "", await self._how_it_died())
                return 1
        return 0

    async def _one_cell(self, number: int, index: int) -> None:
        cell = self._client.nb.cells[index]
        place, began = f"[cell {number}/{len(self._indexes)}]", time.monotonic()
        line = cells.first_line(cell)
        self._keeper.report(self._told | {"running": {"cell": number, "line": line}})
        _say(f"{place} {line}")
        try:
            await self._client.async_execute_cell(cell, index)
        except CellExecutionError as error:
            if error.ename == "SystemExit" and error.evalue in {"", "0", "None"}:
                raise _Ended from error
            raise
        finally:
            cell.outputs = settled(cell.outputs)
            self._client.changed = True
        if self._client.exited:
            raise _Ended
        self._told["done"] = number
        self._keeper.report(self._told)
        _say(f"{place} done in {time.monotonic() - began:.1f} s")

    async def _how_it_died(self) -> str:
        status = await self._client.km.provisioner.poll()
        if status is None:
            return "the kernel died"
        return (
            f"the kernel was killed by signal {-status}" if status < 0 else f"the kernel exited with {status}"
        )

    def _failed(self, number: int, index: int, name: str, message: str, kinds: Sequence[str] = ()) -> None:
        line = cells.first_line(self._client.nb.cells[index])
        said = f"{name}: {message}" if name else message
        _say(f"[cell {number}/{len(self._indexes)}] failed: {said[:_MESSAGE]}\n    in: {line}")
        failed: dict[str, Any] = {"cell": number, "line": line, "name": name[:100]}
        failed |= {"message": message[:_MESSAGE], "kinds": [*kinds]}
        self._keeper.report(self._told | {"failed": failed})
