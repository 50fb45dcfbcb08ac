"""The driver as one file: a zip that Python runs, the same bytes on every machine for the same source.

Standard library only: the site imports this module to ship the driver, and never the rest of the package.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parent
LEFT_OUT = {"bundle.py"}
MAIN = "from runners.notebook.program import main\n\nraise SystemExit(main())\n"
PROGRAM = "/submission/notebook.pyz"
NOTEBOOK = "/submission/notebook.ipynb"
EXECUTED, PAGE, REPORT = "notebook.ipynb", "notebook.html", "notebook.json"
KEPT = (EXECUTED, PAGE, REPORT)  # what the driver leaves in /output, whatever became of the notebook


def argv(wall_s: float) -> tuple[str, ...]:
    """The command line. The time limit is told so that the page can be drawn one last time before it."""
    return ("{python}", "-I", PROGRAM, f"{wall_s:g}")


def build_zipapp() -> bytes:
    """The runnable zip. Names sorted, times fixed, nothing deflated: see metrics.bundle."""
    entries = {
        f"runners/notebook/{path.name}": path.read_bytes()
        for path in SOURCE.glob("*.py")
        if path.name not in LEFT_OUT
    }
    entries["runners/__init__.py"] = b""
    entries["__main__.py"] = MAIN.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
