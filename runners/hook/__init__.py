"""What a warm sandbox runs in front of a contestant's program: `sitecustomize.py`, found there by PYTHONPATH;
and `podium_kernel.py`, which keeps a notebook's kernel waiting the same way.

Read as text and never imported here; the bodies of sandboxes put it where the interpreter finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

SOURCES = tuple(Path(__file__).with_name(name) for name in ("sitecustomize.py", "podium_kernel.py"))
KERNEL = "podium_kernel"  # as a module to be preloaded: a notebook's kernel, which waits too
READY = b"\0podium: ready\0\n"  # the last thing on standard output before the program's own


def variables(
    directory: str, hold: int, preload: Sequence[str], kernel: Iterable[str] = ()
) -> dict[str, str]:
    """The environment variables that make an interpreter wait; the hook removes them again.

    `kernel` is what a notebook's kernel imports, where KERNEL is among `preload`.
    """
    found = {"PYTHONPATH": directory, "PODIUM_HOLD": str(hold), "PODIUM_PRELOAD": ",".join(preload)}
    return found | ({"PODIUM_KERNEL_PRELOAD": ",".join(kernel)} if KERNEL in preload else {})


def message(arguments: Iterable[str], variables: Iterable[tuple[str, str]]) -> bytes:
    """What lets it go, on the descriptor `hold`: `sys.argv[1:]` and environment variables to be set.

    `<length> NUL`, then of that length: the number of arguments, the arguments, NAME=value pairs, each ended by NUL.
    """
    words = list(arguments)
    fields = [str(len(words)), *words, *(f"{name}={value}" for name, value in variables)]
    body = b"".join(field.encode("utf-8", "surrogateescape") + b"\0" for field in fields)
    return b"%d\0%s" % (len(body), body)


def arguments(argv: Sequence[str]) -> Sequence[str]:
    """What follows the program's own name, which is the first word after the interpreter's options."""
    program = next(i for i, word in enumerate(argv[1:], start=1) if not word.startswith("-"))
    return argv[program + 1 :]
