"""The usage curve reaches the site whole, once and in order, whatever happens to the agent or to an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.usage import POINTS_A_CALL
from tests.runners.agent_stage import ENVIRONMENT, AgentStage, stage, until
from tests.runners.site_stand_in import HeldJob

pytestmark = [pytest.mark.sandbox, pytest.mark.alone]

BURNS_3_S = """
import time
end = time.monotonic() + 3
while time.monotonic() < end:
    pass
open("submission.csv", "w").write("id,target\\n1,2\\n")
"""


@pytest.fixture(name="on")
def _on(tmp_path: Path) -> Iterator[AgentStage]:
    with stage(tmp_path) as staged:
        yield staged


def whole(job: HeldJob) -> None:
    """Every point is there, numbered as the shim did, and the last one says what the facts say."""
    assert [point[0] for point in job.samples] == list(range(len(job.samples)))
    assert job.samples[-1][1:3] == [job.facts["wall_s"], job.facts["cpu_s"]]
    assert max(point[3] for point in job.samples) == job.facts["memory_peak"]


def test_the_curve_comes_while_the_run_goes_on_and_the_rest_with_its_finish(on: AgentStage) -> None:
    job = on.site.add_job(BURNS_3_S, environment=ENVIRONMENT, heartbeat_s=20.0)
    on.start_agent()
    until(lambda: len(job.samples) > 3, "the first points")
    assert job.status == "RUNNING"
    on.finished(job)
    assert job.finishes[0]["samples"]
    assert len(job.samples) > 10
    assert job.facts["cpu_s"] > 0.2  # of three seconds, on however busy a host
    assert len(job.beats) <= 4, "a silent run is not a heartbeat for each point"
    whole(job)


def test_a_killed_agent_loses_no_point(on: AgentStage) -> None:
    job = on.site.add_job(BURNS_3_S, environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: len(job.samples) > 3, "the first points")
    on.kill_agent()
    before = len(job.samples)
    on.start_agent()
    on.finished(job)
    assert job.attempt == 1
    assert len(job.samples) > before
    whole(job)


def test_a_lost_answer_doubles_no_point(on: AgentStage) -> None:
    job = on.site.add_job(BURNS_3_S, environment=ENVIRONMENT)
    on.site.lose_answer("heartbeat", 2)
    on.start_agent()
    on.finished(job)
    whole(job)


def test_a_long_curve_that_nobody_heard_is_sent_in_pieces(on: AgentStage) -> None:
    """As of a run of some minutes that ended while no agent lived: all of its curve is still on the host."""
    job = on.site.add_job(BURNS_3_S.replace("+ 3", "+ 1"), environment=ENVIRONMENT)
    release = on.site.hold("files")
    on.start_agent()
    on.site.wait_for_call("files")
    on.kill_agent()
    release()
    path = on.run_path(job) / "sandbox" / "samples"
    *lines, last = path.read_text().splitlines()
    long = [lines[0].replace("[0,", f"[{number},", 1) for number in range(2 * POINTS_A_CALL + 5)]
    path.write_text("\n".join([*long, last.replace(f"[{len(lines)},", f"[{len(long)},", 1), ""]))
    on.start_agent()
    on.finished(job)
    assert len(job.samples) == len(long) + 1
    assert [point[0] for point in job.samples] == list(range(len(long) + 1))
    assert len(job.finishes[0]["samples"]) < POINTS_A_CALL


def test_a_new_attempt_begins_a_new_curve(on: AgentStage) -> None:
    job = on.site.add_job(BURNS_3_S, environment=ENVIRONMENT)
    on.start_agent(PODIUM_AGENT_STOP="kill")
    until(lambda: len(job.samples) > 3, "the first points")
    on.stop_agent()
    assert job.give_backs
    on.start_agent()
    on.finished(job)
    assert job.attempt == 2
    whole(job)
