"""The traced runner as one file: a zip that Python runs, the same bytes on every machine for the same source."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from runners.traced.program import TRACE

__all__ = ["MAX_TRACE", "PROGRAM", "TRACE", "argv", "build_zipapp"]
SOURCE = Path(__file__).parent
LEFT_OUT = {"bundle.py"}
MAIN = "from runners.traced.program import main\n\nmain()\n"
PROGRAM = "/app/podium/traced.pyz"  # not in /submission, which may be a directory that is bound as a whole
MAX_TRACE = 4096


def argv(program: str) -> tuple[str, ...]:
    """The command line that runs `program` as `python program` would."""
    return ("{python}", PROGRAM, program)


def build_zipapp() -> bytes:
    """The runnable zip. Names sorted, times fixed, nothing deflated: see metrics.bundle."""
    entries = {
        f"runners/traced/{path.name}": path.read_bytes()
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
