"""Writing an environment's lock: versions and hashes for every Python from 3.11 on, and no addresses."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from runners.environments.failures import BuildError, explain
from runners.environments.packages import uv_environment, uv_program

OLDEST_PYTHON = "3.11"

# Which torch is right depends on the machine: the CPU build, a CUDA build, a vendor's. They share a version
# number and nothing else, so the lock of an environment with torch pins that number without a hash, and
# leaves out the companions of the CUDA builds, which torch itself pins exactly.
_TORCH = re.compile(r"^(torch==[\d.]+)", re.MULTILINE)
_DEPENDS_ON_BUILD = re.compile(r"^(?:torch|triton|nvidia-|cuda-)")
_TORCH_NOTE = (
    "# No hash for torch: CPU, CUDA and vendors' builds share this version number, and PODIUM_TORCH_INDEX\n"
    "# or pip's find-links decide which is taken. Libraries of CUDA builds are not listed: torch pins them.\n"
)


def write_lock(folder: Path) -> Path:
    """Resolve `folder`/requirements.txt anew into requirements.lock. Raises BuildError."""
    requirements = folder / "requirements.txt"
    command = [
        *(
            uv_program(),
            "pip",
            "compile",
            "--universal",
            "--python-version",
            OLDEST_PYTHON,
            "--generate-hashes",
        ),
        *("--upgrade", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
        *("--quiet", "--color", "never", str(requirements)),
    ]
    environment = uv_environment(os.environ)  # noqa: TID251  handed on whole: uv has its own settings there
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise explain(f"environment '{folder.name}'", done.stderr)
    lock = folder / "requirements.lock"
    lock.write_text(
        without_torch_builds(requirements.read_text(encoding="utf-8"), done.stdout), encoding="utf-8"
    )
    return lock


def without_torch_builds(requirements: str, lock: str) -> str:
    """`lock` as it is, or, where `requirements` ask for torch, without what only one build of torch needs."""
    pinned = _TORCH.search(requirements)
    if pinned is None:
        return lock
    entries = re.split(r"^(?=\S)", lock, flags=re.MULTILINE)
    kept = [entry for entry in entries if not _DEPENDS_ON_BUILD.match(entry)]
    if len(kept) == len(entries):
        raise BuildError("the resolved lock holds no torch")
    return f"{_TORCH_NOTE}{pinned[1]}\n{''.join(kept)}"
