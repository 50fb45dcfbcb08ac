"""What is concluded from a probe, and one that was ended while it told."""

from __future__ import annotations

from pathlib import Path

import pytest

from runners.sandboxes.choice import Sandbox
from runners.sandboxes.probing import FORKS, LIMITS, Prober, Status, processes_row
from tests.runners.sandbox_stage import make_environment

LIMIT = LIMITS["pids"]


@pytest.mark.parametrize(
    ("sandbox", "hits", "children", "status"),
    [
        (Sandbox.NSJAIL, 1, LIMIT - 1, Status.HARD),
        (Sandbox.NSJAIL, 0, LIMIT - 1, Status.HARD),  # an ordinary user's limit refuses without a cgroup
        (Sandbox.NSJAIL, 1, LIMIT, Status.MISSING),
        (Sandbox.NSJAIL, 1, None, Status.MISSING),
        (Sandbox.DOCKER, 1, LIMIT - 1, Status.HARD),
        (Sandbox.DOCKER, 1, LIMIT, Status.MISSING),
        (Sandbox.DOCKER, 0, None, Status.MISSING),
        (Sandbox.RUNSC, 1, LIMIT - 1, Status.HARD),
        (Sandbox.RUNSC, 1, None, Status.HARD),  # gVisor ended
        (Sandbox.RUNSC, 1, FORKS - 1, Status.HARD),  # a fork failed
        (Sandbox.RUNSC, 1, FORKS, Status.MISSING),
        (Sandbox.RUNSC, 0, FORKS - 1, Status.MISSING),
        (Sandbox.RUNSC, 0, None, Status.MISSING),
    ],
)
def test_processes_are_limited_where_the_kernel_stopped_them(
    sandbox: Sandbox, hits: int, children: int | None, status: Status
) -> None:
    assert processes_row(sandbox, hits, children).status is status


@pytest.mark.sandbox
def test_a_probe_that_was_ended_while_it_told_has_told_nothing(tmp_path: Path) -> None:
    prober = Prober(tmp_path, Sandbox.NSJAIL)
    python = str(make_environment(tmp_path / "environment"))
    outcome, told = prober.run("open('report.json', 'w').write('{')", LIMITS, environment=python)
    assert outcome.facts is not None, outcome.error
    assert (outcome.facts.exit_code, told) == (0, None)
