"""How often a host is heard that has nothing to tell."""

from __future__ import annotations

import pytest

from compute.pools import SILENT_AFTER
from runners.agent.report import HEARD_EVERY_S, WATCH_S, is_due


@pytest.mark.parametrize(
    ("silent_s", "look_every_s", "due"),
    [(4.0, 4.0, True), (3.9, 4.0, False), (30.0, 3600.0, True), (29.9, 3600.0, False)],
)
def test_a_host_that_looks_rarely_is_heard_all_the_same(
    silent_s: float, look_every_s: float, *, due: bool
) -> None:
    assert is_due(silent_s, look_every_s) is due


def test_three_reports_may_be_lost_before_a_host_is_taken_for_silent() -> None:
    assert SILENT_AFTER.total_seconds() > 3 * (HEARD_EVERY_S + WATCH_S)
