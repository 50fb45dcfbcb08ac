"""nbclient's client with what a judge needs: outputs go to the live log as they come, and what is kept is capped."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from nbclient import NotebookClient

from runners.notebook import held

MAX_STREAM = 256 << 10  # characters of printed text that a cell keeps; the log has a limit of its own
MAX_CELL = 2 << 20  # of all a cell shows, pictures included
MAX_NOTEBOOK = 6 << 20
_LAST_WORDS, _SAID_LAST = 4096, 64 << 10  # told, and kept of what was written
# A crash lists every extension module that was ever loaded, on one line longer than all it says.
_LISTED = re.compile(r"^Extension modules: .*\n?", re.MULTILINE)
_SOCKETS = Path("/tmp/podium-kernel")  # noqa: S108 - the sandbox's own
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")
# `!command` and `%pip` would ask for a terminal, and a sandbox has none; so they get pipes.
_FIRST_LINE = (
    "get_ipython().system = get_ipython().system_raw;"
    "__import__('faulthandler').enable(__import__('sys').stderr, all_threads=False)"
)
_LEFT_OUT = "[Podium] this cell shows more than is kept; the rest is left out\n"
_ODD = "[Podium] this cell shows something of a form that cannot be kept\n"
# Evaluated in the kernel: the classes of the exception that ended the last cell, the nearest first.
_ANCESTRY = (
    "' '.join(c.__qualname__ if c.__module__ == 'builtins' else f'{c.__module__}.{c.__qualname__}'"
    " for c in __import__('sys').last_type.__mro__)"
)
_ANCESTRY_S = 2.0
MAX_ANCESTRY = 2000  # characters
_DEPTH = 50  # of what a cell shows as JSON; the writer calls itself for each level


def plain(text: str) -> str:
    """`text` without colours and cursor movements."""
    return _ESCAPES.sub("", text)


def manager(waiting: Any) -> Any:
    """A kernel on Unix sockets, in a directory that nobody but this run can have made; `waiting` if there is one."""
    _SOCKETS.mkdir(mode=0o700)
    found = held.Manager(
        kernel_name="python3",
        transport="ipc",
        connection_file=str(_SOCKETS / "kernel.json"),
        ip=str(_SOCKETS / "socket"),
    )
    found.held = waiting
    return found


class LastWords:
    """The end of what a kernel wrote to its own stderr: where native code crashed, if it did.

    All else that is written there reaches the cell, too; it is read away and told only of a kernel that died.
    """

    def __init__(self, reading: int | None = None) -> None:
        """`reading` is where they come from already, if the kernel has been started."""
        self.reading, self.writing = os.pipe() if reading is None else (reading, -1)
        os.set_blocking(self.reading, False)
        self._tail = b""

    def read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._tail = (self._tail + os.read(self.reading, 1 << 16))[-_SAID_LAST:]

    def text(self) -> str:
        self.read()
        return _LISTED.sub("", plain(self._tail.decode("utf-8", "replace"))).rstrip()[-_LAST_WORDS:]


class Client(NotebookClient):  # type: ignore[misc]
    """Runs cells. `changed`: what is on disk is out of date. `exited`: the last cell asked for the end."""

    def __init__(self, notebook: Any, waiting: Any) -> None:
        super().__init__(
            notebook,
            km=manager(waiting),
            timeout=None,  # the sandbox has one for the whole run
            startup_timeout=3600,
            store_widget_state=False,
            coalesce_streams=False,  # see runners.notebook.printed
            record_timing=False,
            force_raise_errors=False,
            allow_errors=False,
            skip_cells_with_tag="podium-skips-nothing",
            extra_arguments=[f"--IPKernelApp.exec_lines={_FIRST_LINE}"],
            on_cell_executed=self._look_for_exit,
        )
        self.owns_km = True  # so that it is shut down with the client
        self.changed = True
        self.exited = False  # a cell called exit() or quit()
        self._sizes: dict[int, int] = {}  # what each cell keeps

    def _look_for_exit(self, *, execute_reply: dict[str, Any], **_told: Any) -> None:
        payload = execute_reply["content"].get("payload") or ()
        self.exited = any(item.get("source") == "ask_exit" for item in payload)

    async def ancestry(self) -> list[str]:
        """The classes of the last cell's exception, as the kernel, which is the contestant's, says them."""
        until = time.monotonic() + _ANCESTRY_S
        with contextlib.suppress(Exception):  # it may have died, answer anything or not at all
            while time.monotonic() < until:
                asked = self.kc.execute(
                    "", silent=True, store_history=False, user_expressions={"kinds": _ANCESTRY}
                )
                content = await self._answer_to(asked, until)
                if content["status"] == "ok":
                    said: str = content["user_expressions"]["kinds"]["data"]["text/plain"]
                    return said[1:-1][:MAX_ANCESTRY].split()
                # "aborted": what is asked right after a failure is taken for the next cell
        return []

    async def _answer_to(self, asked: str, until: float) -> dict[str, Any]:
        while True:
            message = await self.kc.get_shell_msg(timeout=max(0.0, until - time.monotonic()))
            if message["parent_header"].get("msg_id") == asked:
                content: dict[str, Any] = message["content"]
                return content

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """The kernel is the contestant's: it may send messages of any form, and none ends the run."""
        try:
            if not _too_deep(msg["content"]):
                return super().process_message(msg, cell, cell_index)
        except (ValueError, TypeError, LookupError, AttributeError):
            pass
        self.changed = True
        self._note(cell.outputs, cell_index, _ODD)
        return None

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        self.changed = True
        content, kind = msg["content"], msg["msg_type"]
        if kind == "stream":
            _tell(content["text"])
        elif kind == "error":  # always kept: it is the one thing to know
            _tell(plain("\n".join(content["traceback"])) + "\n")
            return super().output(outs, msg, display_id, cell_index)
        if self.clear_before_next_output:
            self._sizes[cell_index] = 0
        room, size = self._room(cell_index, kind), _size(content)
        self._sizes[cell_index] = self._sizes.get(cell_index, 0) + min(room, size)
        if kind == "stream":
            self._print(outs, msg, cell_index, content["text"][:room])
        elif size <= room:
            return super().output(outs, msg, display_id, cell_index)
        if size > room:
            self._note(outs, cell_index, _LEFT_OUT)
        return None

    def _print(self, outs: list[Any], msg: dict[str, Any], cell_index: int, text: str) -> None:
        last = outs[-1] if outs and not self.clear_before_next_output else None
        if last and last.get("name") == msg["content"]["name"]:
            last["text"] += text  # else ten thousand prints were ten thousand outputs
        elif text:
            super().output(outs, msg | {"content": msg["content"] | {"text": text}}, None, cell_index)

    def _room(self, cell_index: int, kind: str) -> int:
        """How many characters this cell may still keep of this kind of output."""
        most = MAX_STREAM if kind == "stream" else MAX_CELL
        return max(0, min(most - self._sizes.get(cell_index, 0), MAX_NOTEBOOK - sum(self._sizes.values())))

    def _note(self, outs: list[Any], cell_index: int, note: str) -> None:
        if not (outs and str(outs[-1].get("text", "")).endswith(note)):
            content = {"name": "stderr", "text": note}
            message = {"header": {"msg_type": "stream"}, "msg_type": "stream", "parent_header": {}}
            super().output(outs, message | {"content": content}, None, cell_index)

    def clear_output(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        self.changed = True
        super().clear_output(outs, msg, cell_index)
        if not outs:
            self._sizes[cell_index] = 0

    def handle_comm_msg(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        """Widgets need a browser to talk to; here is none."""

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        if _size(msg["content"]) <= MAX_STREAM:  # it replaces what was counted; larger is another picture
            self.changed = True
            super()._update_display_id(display_id, msg)


def _size(content: dict[str, Any]) -> int:
    if "text" in content:
        return len(content["text"])
    return sum(len(str(value)) for value in content.get("data", {}).values())


def _too_deep(content: object) -> bool:
    level = [content]
    for _ in range(_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
        if not below:
            return False
        level = below
    return True


def _tell(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
