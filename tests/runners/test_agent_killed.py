"""kill -9 at every step, stops, and second agents: exactly one finish counts, and nothing is left behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runners.agent_stage import ENVIRONMENT, AgentStage, kill_processes_of, processes_of, stage, until

pytestmark = pytest.mark.sandbox

GOOD = "print('hello')\nopen('submission.csv', 'w').write('id,target\\n1,2\\n')\n"
RUNS_2_S = """
import time
for number in range(20):
    print("line", number, flush=True)
    time.sleep(0.1)
open("submission.csv", "w").write("id,target\\n1,2\\n")
"""
LINES = "".join(f"line {number}\n" for number in range(20)).encode()
SLEEPS = "import time\nprint('asleep', flush=True)\ntime.sleep(60)\n"


@pytest.fixture(name="on")
def _on(tmp_path: Path) -> Iterator[AgentStage]:
    with stage(tmp_path) as staged:
        yield staged


def kill_at(on: AgentStage, call: str) -> None:
    """Start an agent and kill it while the site holds back the answer to its first `call`."""
    release = on.site.hold(call)
    on.start_agent()
    on.site.wait_for_call(call)
    on.kill_agent()
    release()


def test_an_agent_killed_while_it_fetches_gives_back_and_runs_again(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT)
    kill_at(on, "blobs")
    assert on.runs()
    on.start_agent()
    on.finished(job)
    assert len(job.give_backs) == 1
    assert len(job.finishes) == 1
    on.nothing_left()


def test_a_run_outlives_its_killed_agent_and_is_adopted(on: AgentStage) -> None:
    job = on.site.add_job(RUNS_2_S, environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: b"line 2\n" in job.log, "the program runs")
    on.kill_agent()
    assert processes_of(job)
    on.start_agent()
    on.finished(job)
    assert job.attempt == 1
    assert bytes(job.log) == LINES
    on.nothing_left()


def test_a_run_that_ended_while_no_agent_lived_is_delivered_by_the_next(on: AgentStage) -> None:
    job = on.site.add_job(RUNS_2_S, environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: b"line 2\n" in job.log, "the program runs")
    on.kill_agent()
    until((on.run_path(job) / "sandbox" / "facts.json").exists, "the shim finishes alone")
    on.start_agent()
    on.finished(job)
    assert job.attempt == 1
    assert bytes(job.log) == LINES
    on.nothing_left()


def test_an_agent_killed_while_it_uploads_is_replaced_by_one_that_uploads_again(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT)
    kill_at(on, "files")
    on.start_agent()
    on.finished(job)
    assert job.attempt == 1
    assert len(job.finishes) == 1
    on.nothing_left()


def test_an_agent_killed_before_it_heard_that_its_finish_counts_finishes_once(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT)
    kill_at(on, "finish")
    until(lambda: job.finishes, "the site has the finish")
    on.start_agent()
    on.nothing_left()
    assert [status for kind, status in on.site.calls if kind == "finish"][:1] == [200]
    assert len(job.finishes) == 1
    assert not job.give_backs


def test_an_attempt_that_was_taken_over_while_no_agent_lived_is_killed(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS, environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: job.log, "the program runs")
    first = on.run_path(job)
    on.kill_agent()
    on.site.take_over(job)
    on.start_agent()
    until(lambda: not first.exists(), "the stale run is removed")
    assert not processes_of(job)
    assert not job.finishes
    assert not job.give_backs


def test_a_killed_agent_and_its_killed_shim_give_the_job_back(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS.replace("60", "1"), environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: job.log, "the program runs")
    on.kill_agent()
    kill_processes_of(job)
    on.start_agent()
    on.finished(job)
    assert len(job.give_backs) == 1
    assert job.attempt == 2
    on.nothing_left()


def test_rubbish_in_the_runs_directory_is_removed(on: AgentStage) -> None:
    half_made = on.agent_dir / "runs" / "job-x-1"
    (half_made / "inputs").mkdir(parents=True)
    (half_made / "job.json.new").write_text('{"slot": 0, "jo')
    on.start_agent()
    until(lambda: not on.runs(), "rubbish removed")


def test_sigterm_leaves_the_run_to_the_next_agent(on: AgentStage) -> None:
    job = on.site.add_job(RUNS_2_S, environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: b"line 2\n" in job.log, "the program runs")
    assert on.stop_agent() < 2
    assert processes_of(job)
    on.start_agent()
    on.finished(job)
    assert job.attempt == 1
    assert bytes(job.log) == LINES


def test_stop_mode_kill_ends_the_runs_and_gives_them_back_in_time(on: AgentStage) -> None:
    jobs = [on.site.add_job(SLEEPS, environment=ENVIRONMENT) for _ in range(2)]
    on.start_agent(PODIUM_POOLS="cpu:2", PODIUM_AGENT_STOP="kill")
    until(lambda: all(job.log for job in jobs), "both run")
    assert on.stop_agent(signal.SIGINT) < 4
    assert [job.give_backs for job in jobs] == [["the agent was stopped"]] * 2
    on.nothing_left()


def test_stop_mode_kill_ends_in_time_although_the_site_is_away(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS, environment=ENVIRONMENT)
    on.start_agent(PODIUM_AGENT_STOP="kill")
    until(lambda: job.log, "the program runs")
    on.site.go_away()
    assert on.stop_agent(signal.SIGINT) < 4
    assert not processes_of(job)
    on.site.come_back()
    job.fields["limits"] = type(job.fields["limits"])(wall_s=0.3)
    on.start_agent()
    on.finished(job)
    assert len(job.give_backs) == 1
    assert job.attempt == 2


def test_stop_mode_kill_ends_in_time_although_the_site_hangs(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS, environment=ENVIRONMENT, heartbeat_s=0.2)
    on.start_agent(PODIUM_AGENT_STOP="kill")
    until(lambda: job.log, "the program runs")
    releases = [on.site.hold(kind) for kind in ("heartbeat", "give-back", "claim")]
    try:
        assert on.stop_agent(signal.SIGINT) < 4
        assert not processes_of(job)
    finally:
        for release in releases:
            release()


def test_a_second_agent_in_the_same_directory_is_refused(on: AgentStage) -> None:
    on.start_agent()
    until(lambda: "agent ready" in on.agent_log(), "the first agent is up")
    second = on.start_agent()
    assert second.wait(10) == 1
    assert "another agent already works in" in on.agent_log()


def test_a_living_sandbox_does_not_keep_the_next_agent_out(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS, environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: job.log, "the program runs")
    on.kill_agent()
    next_agent = on.start_agent()
    until(lambda: '"event": "adopted"' in on.agent_log(), "the run is adopted")
    assert next_agent.poll() is None
    assert job.attempt == 1


def test_a_run_over_which_one_agent_after_the_other_dies_is_given_back(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS, environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: job.log, "the program runs")
    first = on.run_path(job)
    for deaths in (1, 2, 3):
        on.kill_agent()
        on.start_agent()
        until(lambda: f'"deaths": {deaths}' in on.agent_log(), "the run is adopted")  # noqa: B023 - asked at once
    until(lambda: job.give_backs, "the run is given back")
    assert job.give_backs == ["3 agents in a row died over this attempt"]
    until(lambda: not first.exists(), "nothing of it is left")


def test_agents_that_are_stopped_in_order_are_no_deaths(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS.replace("60", "6"), environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: job.log, "the program runs")
    for count in range(1, 6):
        on.stop_agent()
        on.start_agent()
        until(lambda: on.agent_log().count('"event": "adopted"') == count, "the run is adopted")  # noqa: B023
    on.finished(job)
    assert (job.attempt, job.give_backs) == (1, [])
