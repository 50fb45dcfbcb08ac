"""Compiling an environment's modules, with progress.

Not `compileall -j`: its worker processes outlive a killed parent and would then wait for work for ever. These get
their whole work in a file, end with it, and die of a closed pipe when nobody counts what they do.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

_MOST_WORKERS = 4

# Reads names, one a line, and writes a byte for each. Some packages ship templates and modules for other Pythons:
# what does not compile is left to whoever imports it.
_WORKER = """
import os, py_compile, sys
for name in sys.stdin:
    try:
        py_compile.compile(name.rstrip("\\n"), doraise=True, quiet=2)
    except Exception:
        pass
    os.write(1, b".")
"""


def compile_modules(python: Path, library: Path, report: Callable[[float], None]) -> None:
    """Write the .pyc of every module below `library`, telling `report` the share done, 0 to 1.

    Packages' own tests are left out: half of all files, and imported by nobody.
    """
    names = [str(path) for path in sorted(library.rglob("*.py")) if "tests" not in path.parts]
    workers = max(1, min(os.cpu_count() or 1, _MOST_WORKERS, len(names)))
    reading, writing = os.pipe()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        try:
            processes.extend(_start(python, names[i::workers], writing) for i in range(workers))
        finally:
            os.close(writing)
        done = 0
        while chunk := os.read(reading, 4096):
            done += len(chunk)
            report(done / len(names))
    finally:
        os.close(reading)
        for process in processes:  # all have ended, unless something above was raised
            process.kill()
            process.wait()


def _start(python: Path, names: list[str], writing: int) -> subprocess.Popen[bytes]:
    with tempfile.TemporaryFile() as work:
        work.write("\n".join(names).encode(errors="surrogateescape"))
        work.seek(0)
        command = [str(python), "-I", "-c", _WORKER]
        return subprocess.Popen(command, stdin=work, stdout=writing, stderr=subprocess.DEVNULL, umask=0o022)
