"""Three minutes of everything at once; `make chaos MINUTES=30` for more. The seed is in the message of a failure."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import pytest

from tests.faults.chaos.storm import storm

MINUTES = 3.0


@pytest.mark.sandbox
@pytest.mark.timeout(1200)
def test_a_storm_loses_nothing_and_counts_nothing_twice(services: None, tmp_path: Path) -> None:
    seed = secrets.randbelow(1 << 32)
    sys.stderr.write(f"chaos: seed {seed}\n")
    outcome = storm(tmp_path, seed=seed, minutes=MINUTES)
    assert outcome.violations == [], "\n".join([*outcome.story, outcome.told()])
    # A storm in which nothing happened proves nothing.
    assert sum(outcome.faults.values()) > 10 * MINUTES, outcome.told()
    assert outcome.figures["submissions"] > 10 * MINUTES, outcome.told()
    assert outcome.figures["judged again"], outcome.told()
    assert all(outcome.figures["called back"].values()), outcome.told()
