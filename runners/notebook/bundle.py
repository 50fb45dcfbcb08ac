"""The driver as one file: a zip that Python runs, the same bytes on every machine for the same source.

Standard library only: the site imports this module to ship the driver, and never the rest of the package.
"""

from __future__ import annotations

from pathlib import Path

from runners import zipapp

SOURCE = Path(__file__).parent
# The time limit counts from here, not from when everything is imported, which on a busy host is seconds later.
MAIN = """import time

began = time.monotonic()
from runners.notebook.program import main

raise SystemExit(main(began))
"""
PROGRAM = "/submission/notebook.pyz"
NOTEBOOK = "/submission/notebook.ipynb"
EXECUTED, PAGE, REPORT = "notebook.ipynb", "notebook.html", "notebook.json"
KEPT = (EXECUTED, PAGE, REPORT)  # what the driver leaves in /output, whatever became of the notebook


def argv(wall_s: float) -> tuple[str, ...]:
    """The command line. The time limit is told so that the page can be drawn one last time before it."""
    return ("{python}", "-I", PROGRAM, f"{wall_s:g}")


def build_zipapp() -> bytes:
    """The runnable zip."""
    return zipapp.build(SOURCE, MAIN)
