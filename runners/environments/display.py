"""Showing a build's progress to whoever started it."""

from __future__ import annotations

from typing import TextIO

from runners.environments.progress import Progress


class Display:
    """One line that changes on a terminal; elsewhere a line for every new step and every ten percent."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._shown: tuple[str, str, int] | None = None

    def show(self, state: Progress) -> None:
        if self._live:
            self._stream.write(f"\r\x1b[K  {state.name:<10} {state.percent:>3} %  {state.step}")
            self._stream.write("\n" if state.state != "building" else "")
        else:
            kind = (state.name, state.step.split("(")[0], state.percent // 10)
            if kind == self._shown:
                return
            self._shown = kind
            self._stream.write(f"{state.name} {state.percent:>3} % {state.step}\n")
        self._stream.flush()
