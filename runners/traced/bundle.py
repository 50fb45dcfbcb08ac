"""The traced runner as one file: a zip that Python runs, the same bytes on every machine for the same source."""

from __future__ import annotations

from pathlib import Path

from runners import zipapp
from runners.traced.program import TRACE

__all__ = ["MAX_TRACE", "PROGRAM", "TRACE", "argv", "build_zipapp"]
SOURCE = Path(__file__).parent
MAIN = "from runners.traced.program import main\n\nmain()\n"
PROGRAM = "/app/podium/traced.pyz"  # not in /submission, which may be a directory that is bound as a whole
MAX_TRACE = 4096


def argv(program: str) -> tuple[str, ...]:
    """The command line that runs `program` as `python program` would."""
    return ("{python}", PROGRAM, program)


def build_zipapp() -> bytes:
    """The runnable zip."""
    return zipapp.build(SOURCE, MAIN)
