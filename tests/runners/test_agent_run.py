"""One attempt from the claim to the finish: a real agent process, a real sandbox, the stand-in site."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runners.agent_stage import ENVIRONMENT, AgentStage, kill_processes_of, processes_of, stage, until

pytestmark = pytest.mark.sandbox

GOOD = "print('hello')\nopen('submission.csv', 'w').write('id,target\\n1,2\\n')\n"
COUNTS = """
import time
for number in range(40):
    print("line", number, "é" * 40, flush=True)
    time.sleep(0.05)
open("submission.csv", "w").write("id,target\\n")
"""
SLEEPS = "import time\nprint('asleep', flush=True)\ntime.sleep(60)\n"
FLOODS = "for _ in range(3001): print('y' * 99)\n"


@pytest.fixture(name="on")
def _on(tmp_path: Path) -> Iterator[AgentStage]:
    with stage(tmp_path) as staged:
        yield staged


def test_a_good_run_is_claimed_run_uploaded_and_finished(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT)
    on.start_agent()
    on.finished(job)
    assert job.output("submission.csv") == b"id,target\n1,2\n"
    assert bytes(job.log) == b"hello\n"
    assert job.facts["exit_code"] == 0
    assert set(job.finishes[0]["stages"]) == {"fetch_ms", "start_ms", "run_ms", "upload_ms"}
    on.nothing_left()


def test_a_run_sees_its_inputs_where_the_site_wants_them(on: AgentStage) -> None:
    program = "open('submission.csv', 'w').write(open('/input/train.csv').read().upper())"
    job = on.site.add_job(program, environment=ENVIRONMENT, inputs={"/input/train.csv": b"a,b\n"})
    on.start_agent()
    on.finished(job)
    assert job.output("submission.csv") == b"A,B\n"


def test_the_log_arrives_in_order_while_the_run_goes_on(on: AgentStage) -> None:
    job = on.site.add_job(COUNTS, environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: b"line 3 " in job.log, "the log is live")
    assert not job.finishes
    on.finished(job)
    expected = "".join(f"line {number} {'é' * 40}\n" for number in range(40))
    assert job.log.decode() == expected
    offsets = [beat["have"] for beat in job.beats]
    assert offsets == sorted(offsets)
    assert len(offsets) > 3


def test_a_log_longer_than_one_heartbeat_arrives_whole(on: AgentStage) -> None:
    job = on.site.add_job(FLOODS, environment=ENVIRONMENT, log_kb=512)
    on.start_agent()
    on.finished(job)
    assert len(job.log) == 3001 * 100
    assert job.log.endswith(b"y" * 99 + b"\n")


def test_heartbeats_renew_the_lease_and_carry_usage(on: AgentStage) -> None:
    program = "import time\nkept = b'x' * 40_000_000\ntime.sleep(3)\n"
    job = on.site.add_job(program, environment=ENVIRONMENT, heartbeat_s=0.5)
    on.start_agent()
    on.finished(job)
    assert len(job.beats) >= 4
    usage = job.beats[-1]["usage"]
    assert usage["wall_s"] > 1
    assert usage["memory"] > 40_000_000


def test_a_slow_download_does_not_lose_the_lease(on: AgentStage) -> None:
    release = on.site.hold("blobs")
    job = on.site.add_job(GOOD, environment=ENVIRONMENT, heartbeat_s=0.2)
    on.start_agent()
    until(lambda: len(job.beats) >= 3, "heartbeats during the download")
    release()
    on.finished(job)


def test_a_cancelled_run_is_killed_and_reported_as_cancelled(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.start_agent()
    until(lambda: job.log == b"asleep\n", "the program runs")
    job.cancel = True
    begun = time.monotonic()
    on.finished(job)
    assert time.monotonic() - begun < 15
    assert job.facts["kill_reason"] == "cancel"
    on.nothing_left()


def test_a_job_cancelled_during_the_download_never_runs(on: AgentStage) -> None:
    release = on.site.hold("blobs")
    job = on.site.add_job(SLEEPS, environment=ENVIRONMENT, heartbeat_s=0.2)
    job.cancel = True
    on.start_agent()
    until(lambda: job.beats, "the cancel is heard")
    release()
    on.finished(job)
    assert job.facts["kill_reason"] == "cancel"
    assert job.facts["wall_s"] == 0
    assert '"event": "started"' not in on.agent_log()


def test_a_stale_heartbeat_kills_the_run_and_deletes_it(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS, environment=ENVIRONMENT, heartbeat_s=0.3)
    on.start_agent()
    until(lambda: job.log, "the program runs")
    first = on.run_path(job)
    shims = processes_of(job)
    assert shims
    on.site.take_over(job)
    until(lambda: not processes_of(job), "the sandbox is killed", timeout=5)
    until(lambda: not first.exists(), "the run is deleted", timeout=5)
    assert not job.finishes
    assert not job.give_backs


def test_a_dead_shim_gives_the_job_back_and_it_runs_again(on: AgentStage) -> None:
    job = on.site.add_job(SLEEPS.replace("60", "1.5"), environment=ENVIRONMENT)
    on.start_agent()
    until(lambda: job.log, "the program runs")
    kill_processes_of(job)
    until(lambda: job.give_backs, "given back")
    on.finished(job)
    assert job.attempt == 2
    on.nothing_left()


def test_a_missing_environment_is_our_fault(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT)
    release = on.site.hold("blobs")
    on.start_agent()
    on.site.wait_for_call("blobs")
    (on.environments_dir / "bare" / "0123456789ab" / "READY").unlink()
    release()
    until(lambda: job.give_backs, "given back")
    assert "bare@0123456789ab" in job.give_backs[0]


def test_an_input_that_arrives_damaged_is_our_fault(on: AgentStage) -> None:
    job = on.site.add_job(GOOD, environment=ENVIRONMENT)
    digest = job.fields["inputs"][0].sha256
    on.site.blobs[digest] = on.site.blobs[digest].replace(b"hello", b"HELLO")
    on.start_agent()
    until(lambda: job.give_backs, "given back")
    assert digest in job.give_backs[0]


def test_two_slots_run_two_jobs_at_a_time_under_two_uids(on: AgentStage) -> None:
    program = "import os, time\nprint(os.getuid(), flush=True)\ntime.sleep(2)\n"
    jobs = [on.site.add_job(program, environment=ENVIRONMENT) for _ in range(2)]
    on.start_agent(PODIUM_POOLS="cpu:2")
    until(lambda: all(job.log for job in jobs), "both run", timeout=10)
    assert not any(job.finishes for job in jobs)
    for job in jobs:
        on.finished(job)
    assert (
        len({bytes(job.log) for job in jobs}) == 2 or jobs[0].log == b"1000\n"
    )  # an ordinary user has no uids
