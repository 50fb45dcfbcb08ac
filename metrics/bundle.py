"""The scorer as one file: a zip that Python runs, the same bytes on every machine for the same source.

Nothing in it depends on the machine: names are sorted, times fixed, entries stored and not deflated
(compressed bytes differ between zlib versions), modes set here. Its SHA-256 therefore names the scorer a
score was made with.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parent
LEFT_OUT = {"bundle.py"}
MAIN = "from metrics.scorer import main\n\nraise SystemExit(main())\n"
ARGV = (
    "{python}",
    "-I",
    "/submission/scorer.pyz",
)  # -I: no environment variables, no user site, no cwd on the path


def build_zipapp() -> bytes:
    """The runnable zip: `python -I scorer.pyz`. Needs scikit-learn only for the metrics that use it."""
    entries = {
        f"metrics/{path.name}": path.read_bytes() for path in SOURCE.glob("*.py") if path.name not in LEFT_OUT
    }
    entries["__main__.py"] = MAIN.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, also when built elsewhere: the field decides how the mode is read
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def digest() -> str:
    """SHA-256 of the bundle, in hex."""
    return hashlib.sha256(build_zipapp()).hexdigest()
