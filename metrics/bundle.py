"""The scorer, and the checker of tasks, each as one file: a zip that Python runs.

For the same source it has the same bytes on every machine.
Nothing in it depends on the machine: names are sorted, times fixed, entries stored and not deflated
(compressed bytes differ between zlib versions), modes set here. Its SHA-256 therefore names the scorer a
score was made with.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Literal

SOURCE = Path(__file__).parent
Program = Literal["scorer", "checker"]
# What only the checker needs is no part of the scorer: a better check gives scores no other scorer.
LEFT_OUT: dict[Program, str] = {"scorer": r"(bundle|check.*)\.py", "checker": r"bundle\.py"}
MAIN = "from metrics.%s import main\n\nraise SystemExit(main())\n"


def argv(program: Program) -> tuple[str, ...]:
    # -I: no environment variables, no user site, no cwd on the path
    return ("{python}", "-I", f"/submission/{program}.pyz")


def build_zipapp(program: Program = "scorer") -> bytes:
    """The runnable zip: `python -I scorer.pyz`. Needs scikit-learn only for the metrics that use it."""
    left_out = re.compile(LEFT_OUT[program])
    entries = {
        f"metrics/{path.name}": path.read_bytes()
        for path in SOURCE.glob("*.py")
        if not left_out.fullmatch(path.name)
    }
    entries["__main__.py"] = (MAIN % program).encode()
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
