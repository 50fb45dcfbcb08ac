"""`python -m runners.environments build NAME... [--root DIR]`, `… list`, `… lock NAME...`.

Exit status: 0 all ready, 1 a build failed, 2 wrong arguments, 3 packages unreachable, 4 too little disk,
130 interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TextIO

from runners.environments import BuildError, Progress, build, definitions, progress
from runners.environments.locking import write_lock


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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m runners.environments", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("command", choices=["build", "list", "lock"])
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *definitions()])
    parser.add_argument("--root", type=Path, default=Path("var/environments"))
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if options.command == "list":
            return _list(options.root)
        for name in options.names or definitions():
            if options.command == "lock":
                write_lock(definitions()[name].requirements_file.parent)
            else:
                build(name, options.root.resolve(), Display(sys.stdout).show)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _list(root: Path) -> int:
    known = progress(root)
    for name, definition in definitions().items():
        state = known.get(name, {"state": "not built", "percent": 0, "error": ""})
        sys.stdout.write(
            f"{definition.identifier:<26} {state['state']:<10} {state['percent']:>3} %  {state['error']}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
