"""`make mutations`, its second half: takes away one guard of the queue at a time and asks whether its test notices.

Each guard (tools/fault_guards.py) is removed from a throwaway copy of the checkout and its test is run there. First
all of these tests are run on an unchanged copy, where they must pass. Exit status 0 only if every guard's absence
turned its test red.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.fault_guards import GUARDS, Guard
from tools.mutated_checkout import ROOT, copy, without

FAILED = 1  # pytest's exit status for tests that ran and failed; others say that nothing was tested


def main() -> int:
    parser = argparse.ArgumentParser(description="Remove one guard at a time; its test must notice.")
    parser.add_argument("--only", default="", help="guards whose names hold this text")
    options = parser.parse_args()
    guards = [guard for guard in GUARDS if options.only in guard.name]
    with tempfile.TemporaryDirectory(prefix="podium-mutations-") as folder:
        checkout = Path(folder) / "checkout"
        copy(checkout)
        (checkout / "var").mkdir()
        (checkout / "var" / "environments").symlink_to(ROOT / "var" / "environments")
        status, said = _tested(checkout, sorted({guard.test for guard in guards}))
        _tell("(nothing removed)", well=status == 0, said="all tests pass" if status == 0 else said)
        missed = sum(not _noticed(checkout, guard) for guard in guards)
    sys.stdout.write(
        f"{missed} of {len(guards)} guards were not missed\n" if missed else "every guard was missed\n"
    )
    return int(bool(missed or status))


def _noticed(checkout: Path, guard: Guard) -> bool:
    began = time.monotonic()
    try:
        with without(checkout, guard.edits):
            status, said = _tested(checkout, [guard.test])
    except LookupError as moved:
        status, said = 0, str(moved)
    well = status == FAILED
    _tell(guard.name, well=well, said=f"{time.monotonic() - began:4.0f} s  {guard.test[1] if well else said}")
    return well


def _tell(name: str, *, well: bool, said: str) -> None:
    sys.stdout.write(f"{'ok    ' if well else 'MISSED'}  {name:<44} {said[:200]}\n")
    sys.stdout.flush()


def _tested(checkout: Path, tests: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """The exit status of pytest, and its last words."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(f"{file}::{name}" for file, name in tests),
    ]
    told = dict(os.environ) | {"PYTHONDONTWRITEBYTECODE": "1"}  # noqa: TID251 - what a terminal would give it
    done = subprocess.run(command, cwd=checkout, env=told, capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return done.returncode, lines[-1] if lines else "pytest said nothing"


if __name__ == "__main__":
    sys.exit(main())
