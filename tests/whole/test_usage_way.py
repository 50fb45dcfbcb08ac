"""What a run uses, from its sandbox through every process to the site's sums, with an agent killed on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stack import PERFECT, Stack, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

BURNS = b"""
import time
end = time.monotonic() + 5
held = []
while time.monotonic() < end:
    held.append(bytes(1 << 18))
    time.sleep(0.05)
"""


def kept(stack: Stack, submission: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        stack.query(
            "import json\n"
            "from judge import usage\n"
            "from judge.models import Run\n"
            f"run = Run.objects.get(submission='{submission}')\n"
            "rows = usage.series(run).rows\n"
            "print(json.dumps({'rows': rows, 'wall_s': run.wall_s, 'cpu_s': run.cpu_s,"
            " 'memory_peak': run.memory_peak, 'facts': run.facts}))\n"
        )
    )
    return found


def test_a_killed_agent_leaves_no_hole_in_the_curve(stack: Stack) -> None:
    submission = stack.submit(BURNS + PERFECT)
    eventually(lambda: len(kept(stack, submission)["rows"]) > 3, what="the first points")
    old = stack.kill("agent")
    stack.wait_restarted("agent", old)
    judged = stack.wait_verdict(submission)
    assert judged["verdict"] == "SCORED"
    found = kept(stack, submission)
    rows, facts = found["rows"], found["facts"]
    assert [row[0] for row in rows] == list(range(len(rows)))
    assert len(rows) > 15
    assert rows[-1][1:3] == [facts["wall_s"], facts["cpu_s"]] == [found["wall_s"], found["cpu_s"]]
    assert max(row[3] for row in rows) == facts["memory_peak"] == found["memory_peak"]
