"""`make check`: everything about the code that can be said without running it, each stage with its time.

All stages run even when one fails; what failed says why, and what passed is one line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
ROOMS = ("config", "operations", "judge", "leaderboard", "contests", "compute", "accounts")
LEAVES = ("runners", "metrics", "live", "rest", "tests", "benchmarks", "tools")
MANAGE = (sys.executable, "manage.py")
STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", (str(BIN / "ruff"), "format", "--check", "--quiet", ".")),
    ("lint", (str(BIN / "ruff"), "check", "--quiet", ".")),
    ("shell", ("sh", "-n", "tools/bootstrap.sh")),
    ("shell", ("sh", "-n", "tools/clean.sh")),
    ("shell", ("sh", "-n", "tools/v2/run.sh")),
    ("types", (str(BIN / "mypy"), "--no-error-summary", *ROOMS, *LEAVES)),
    ("import order", (str(BIN / "lint-imports"), "--no-cache")),
    ("migrations", (*MANAGE, "makemigrations", "--check", "--dry-run")),
    ("deployment", (*MANAGE, "check", "--deploy", "--fail-level", "WARNING")),
)


def main() -> int:
    """Run all stages; the number of those that failed is the exit status."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="podium-check-") as var:
        # A site as strict as production, on no state of this checkout.
        environment = dict(os.environ)  # noqa: TID251 - the tools inherit it
        environment |= {"PODIUM_VAR": var, "PODIUM_DEBUG": "", "PODIUM_PLAIN_HTTP": "", "NO_COLOR": "1"}
        for name, command in STAGES:
            began = time.monotonic()
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            spent = time.monotonic() - began
            sys.stdout.write(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name:<14} {spent:5.1f} s\n")
            if done.returncode != 0:
                failed += 1
                sys.stdout.write(done.stdout + done.stderr)
            sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main())
