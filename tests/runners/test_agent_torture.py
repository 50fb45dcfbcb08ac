"""Agents that are killed again and again at any moment: every job still ends in exactly one counted finish."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.runners.agent_stage import ENVIRONMENT, AgentStage, stage, until
from tests.runners.site_stand_in import HeldJob

JOBS, KILL_FOR_S = 30, 10.0
PROGRAM = """
import time
for number in range(5):
    print("line", number, flush=True)
    time.sleep(0.05)
open("submission.csv", "w").write("id,target\\n1,2\\n")
"""
LINES = b"".join(b"line %d\n" % number for number in range(5))


@pytest.mark.sandbox
def test_agents_killed_at_any_moment_finish_every_job_exactly_once(tmp_path: Path) -> None:
    chance = random.Random(7)
    with stage(tmp_path) as on:
        on.site.max_attempts = 100
        jobs = [on.site.add_job(PROGRAM, environment=ENVIRONMENT, heartbeat_s=0.2) for _ in range(JOBS)]
        ends = time.monotonic() + KILL_FOR_S
        kills = 0
        while time.monotonic() < ends:
            on.start_agent(PODIUM_POOLS="cpu:2")
            time.sleep(chance.uniform(0.25, 1.2))
            on.kill_agent()
            kills += 1
            expire_leases(on, jobs)
        on.start_agent(PODIUM_POOLS="cpu:2")
        until(lambda: all(job.finishes for job in jobs), "all jobs finished", timeout=60)
        on.nothing_left()
        assert [len(job.finishes) for job in jobs] == [1] * JOBS
        assert {bytes(job.log) for job in jobs} == {LINES}
        assert {job.output("submission.csv") for job in jobs} == {b"id,target\n1,2\n"}
        assert kills > 5


def expire_leases(on: AgentStage, jobs: list[HeldJob]) -> None:
    """What time does at a real site: an attempt that no agent knows of is claimable again.

    There is one such: killed between the answer to its claim and the first word about it on disk.
    """
    known = on.runs()
    for job in jobs:
        if job.status == "RUNNING" and f"{job.id}-{job.attempt}" not in known:
            on.site.requeue(job)
