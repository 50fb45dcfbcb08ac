"""A package of runners/ as one file that Python runs, the same bytes on every machine for the same source.

Names sorted, times fixed, nothing deflated: see metrics.bundle. Standard library only, as the site imports it.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

LEFT_OUT = "bundle.py"  # what makes the file is no part of it


def build(package: Path, main: str) -> bytes:
    """The runnable zip of `runners/<package>`, whose `__main__` is `main`."""
    entries = {
        f"runners/{package.name}/{path.name}": path.read_bytes()
        for path in package.glob("*.py")
        if path.name != LEFT_OUT
    }
    entries["runners/__init__.py"] = b""
    entries["__main__.py"] = main.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
