"""`make lock`: writes requirements/*.lock anew from pyproject.toml, with hashes and without addresses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv")
LOCKS = {
    "requirements/app.lock": (),
    "requirements/dev.lock": ("--group", "dev", "--constraint", "requirements/app.lock"),
}


def main() -> int:
    for lock, extra in LOCKS.items():
        command = [str(UV), "pip", "compile", "pyproject.toml", "--quiet", "--generate-hashes", "--upgrade"]
        command += ["--python-version", "3.11", "--no-header", "--no-annotate", "--no-emit-index-url"]
        command += ["--no-emit-find-links", *extra, "--output-file", lock]
        subprocess.run(command, cwd=ROOT, check=True)
        sys.stdout.write(f"{lock} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
