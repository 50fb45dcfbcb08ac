"""The site goes away and answers get lost: runs live on, and nothing is counted twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runners.agent_stage import ENVIRONMENT, AgentStage, processes_of, stage, until

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


@pytest.fixture(name="on")
def _on(tmp_path: Path) -> Iterator[AgentStage]:
    with stage(tmp_path) as staged:
        yield staged


def test_a_site_that_is_away_during_the_whole_run_gets_everything_when_it_is_back(on: AgentStage) -> None:
    job = on.site.add_job(RUNS_2_S, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.start_agent()
    until(lambda: b"line 2\n" in job.log, "the program runs")
    on.site.go_away()
    until(lambda: '"event": "ended"' in on.agent_log(), "the run ends without the site")
    assert on.runs()
    on.site.come_back()
    on.finished(job)
    assert bytes(job.log) == LINES
    assert job.attempt == 1
    on.nothing_left()


def test_a_site_that_comes_back_during_the_run_is_found_again(on: AgentStage) -> None:
    job = on.site.add_job(RUNS_2_S, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.start_agent()
    until(lambda: b"line 2\n" in job.log, "the program runs")
    on.site.go_away()
    until(lambda: "heartbeat unheard" in on.agent_log(), "the outage is seen")
    on.site.come_back()
    on.finished(job)
    assert bytes(job.log) == LINES
    assert len(job.finishes) == 1


def test_a_lost_heartbeat_answer_doubles_no_log(on: AgentStage) -> None:
    job = on.site.add_job(RUNS_2_S, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.site.lose_answer("heartbeat", times=3)
    on.start_agent()
    on.finished(job)
    assert bytes(job.log) == LINES


def test_a_site_that_has_less_of_the_log_than_it_said_gets_it_again(on: AgentStage) -> None:
    job = on.site.add_job(RUNS_2_S, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.start_agent()
    until(lambda: b"line 5\n" in job.log, "the program runs")
    with on.site.lock:
        del job.log[10:]  # as after a restored backup
    on.finished(job)
    assert job.attempt == 1
    assert bytes(job.log) == LINES


def test_a_finish_whose_answer_was_lost_is_repeated_and_409_settles_it(on: AgentStage) -> None:
    job = on.site.add_job(
        GOOD, environment=ENVIRONMENT, heartbeat_s=30
    )  # else a heartbeat may hear 409 first
    on.site.lose_answer("finish")
    on.start_agent()
    on.finished(job)
    on.nothing_left()
    assert [status for kind, status in on.site.calls if kind == "finish"] == [200, 409]
    assert len(job.finishes) == 1


def test_a_lost_upload_answer_is_repeated(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT)
    on.site.lose_answer("files")
    on.start_agent()
    on.finished(job)
    assert [status for kind, status in on.site.calls if kind == "files"] == [201, 200]


def test_a_blob_whose_answer_was_lost_is_fetched_again(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT)
    on.site.lose_answer("blobs")
    on.start_agent()
    on.finished(job)
    assert job.attempt == 1


def test_an_agent_that_starts_before_its_site_finds_it_later(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT)
    on.site.go_away()
    on.start_agent()
    until(lambda: "site unreachable" in on.agent_log(), "the agent looked")
    on.site.come_back()
    on.finished(job)


def test_a_page_that_is_not_the_sites_own_kills_no_run(on: AgentStage) -> None:
    job = on.site.add_job(RUNS_2_S, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.start_agent()
    until(lambda: b"line 2\n" in job.log, "the program runs")
    on.site.strange_page = 404
    until(lambda: "heartbeat unheard" in on.agent_log(), "the page is seen")
    assert processes_of(job)
    on.site.strange_page = 0
    on.finished(job)
    assert bytes(job.log) == LINES


def finishes(on: AgentStage) -> int:
    return sum(kind == "finish" for kind, _ in on.site.calls)


def test_the_heart_beats_until_the_finish_is_answered(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT, heartbeat_s=0.2)
    release = on.site.hold("finish")
    on.start_agent()
    on.site.wait_for_call("finish")
    beats = len(job.beats)
    until(lambda: len(job.beats) >= beats + 3, "heartbeats while the finish waits for its answer")
    release()
    on.finished(job)
    on.nothing_left()


@pytest.mark.parametrize("call", ["finish", "files"])
def test_a_site_that_hears_heartbeats_but_breaks_at_the_results_gets_the_job_back(
    on: AgentStage, call: str
) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.site.broken[call] = 500
    on.start_agent(PODIUM_BROKEN_SITE_S="1")
    until(lambda: job.give_backs, "given back")
    on.site.broken.clear()
    assert "answered 500" in job.give_backs[0]
    on.finished(job)  # the next attempt, on a site that was mended
    assert job.attempt == 2
    on.nothing_left()


def test_a_site_that_breaks_at_everything_is_away_and_is_waited_for(on: AgentStage) -> None:
    silent = GOOD.partition("\n")[2]  # no log: nothing but the finish is left to send
    job = on.site.add_job(silent, environment=ENVIRONMENT, heartbeat_s=0.1)
    on.site.broken = {"finish": 502, "heartbeat": 502}
    on.start_agent(PODIUM_BROKEN_SITE_S="1")
    until(lambda: finishes(on) > 4, "seconds of 502")
    assert not job.give_backs
    on.site.broken.clear()
    on.finished(job)
    assert job.attempt == 1


def test_a_mended_finish_counts_although_it_broke_for_a_while(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.site.broken["finish"] = 503
    on.start_agent()
    until(lambda: finishes(on) > 2, "the finish is repeated")
    on.site.broken.clear()
    on.finished(job)
    assert (job.attempt, job.give_backs) == (1, [])


def test_a_give_back_that_breaks_for_long_does_not_hold_its_slot(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.site.broken = {"finish": 500, "give-back": 500}
    on.start_agent(PODIUM_BROKEN_SITE_S="1")
    until(lambda: "its lease will expire" in on.agent_log(), "the slot lets go")
    on.site.broken.clear()
    on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT))
    assert job.attempt == 1
    on.nothing_left()


def test_an_outage_between_two_broken_answers_is_not_counted_as_breaking(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT, heartbeat_s=0.4)
    on.site.broken["finish"] = 503
    on.start_agent(PODIUM_BROKEN_SITE_S="2")
    until(lambda: finishes(on) > 0, "the finish breaks")
    on.site.go_away()
    away_since = time.monotonic()
    until(lambda: time.monotonic() - away_since > 3, "an outage longer than the patience")
    on.site.come_back()
    before = finishes(on)
    until(lambda: finishes(on) > before, "the finish breaks again")
    on.site.broken.clear()
    on.finished(job)
    assert (job.attempt, job.give_backs) == (1, [])
