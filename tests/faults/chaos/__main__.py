"""`make chaos MINUTES=30 SEED=…`: a storm by hand. Exit status 0 only when every invariant holds."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.faults.chaos.storm import storm


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--keep", type=Path, help="a folder for state and logs, which stays (under no disk of its own)"
    )
    options = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    sys.stdout.write(f"seed {seed}, {options.minutes:g} minutes\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="podium-chaos-") as folder:
        outcome = storm(options.keep or Path(folder), seed=seed, minutes=options.minutes)
    sys.stdout.write("\n".join(outcome.story) + f"\n{outcome.told()}\n")
    return int(bool(outcome.violations))


if __name__ == "__main__":
    sys.exit(main())
