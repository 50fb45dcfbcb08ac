"""Claiming: one host gets a job, a dead host's job is found again, an old token dies at the next claim."""

from __future__ import annotations

import datetime
import threading

import pytest
from django.db import connection
from django.utils import timezone

from compute.models import RunnerHost
from contests import blobs
from contests.models import Contest, Submission, TaskVersion
from judge import lease, queue
from judge.models import Job
from tests.builders import (
    make_contest,
    make_environment,
    make_host,
    make_pool,
    make_submission,
    make_user,
)
from tests.judge.host import Host

pytestmark = pytest.mark.django_db


@pytest.fixture
def contest() -> Contest:
    return make_contest()


@pytest.fixture
def queued(contest: Contest) -> Submission:
    return make_submission(contest, make_user())


def lapse(job_id: str, seconds: float = 1) -> None:
    """Let the lease of a job run out `seconds` ago."""
    Job.objects.filter(pk=job_id).update(lease_until=timezone.now() - datetime.timedelta(seconds=seconds))


def heard_for(seconds: float) -> None:
    """Let every host have been heard all the time for so long."""
    RunnerHost.objects.update(heard_from=timezone.now() - datetime.timedelta(seconds=seconds))


def test_a_claim_hands_out_the_program_its_data_and_its_limits(queued: Submission) -> None:
    spec = Host().must_claim()
    assert [item.path for item in spec.inputs] == [
        "/input/sample_submission.csv",
        "/input/test.csv",
        "/input/train.csv",
        "/submission/main.py",
    ]
    assert spec.environment.startswith("python@")
    assert ("/kaggle/input/digits", "/input") in spec.links


def test_a_claimed_job_is_not_claimed_again(queued: Submission) -> None:
    assert Host().claim() is not None
    assert Host(name="host-2").claim() is None


@pytest.mark.django_db(transaction=True)
def test_of_eight_hosts_at_once_one_gets_the_job() -> None:
    make_submission(make_contest(), make_user())
    start, got = threading.Barrier(8), []

    def claim(name: str) -> None:
        start.wait()
        got.append(Host(name=name).claim())
        connection.close()

    threads = [threading.Thread(target=claim, args=(f"host-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len([spec for spec in got if spec is not None]) == 1
    assert Job.objects.get().attempt == 1


def test_a_host_without_the_environment_gets_other_work_and_nothing_blocks(contest: Contest) -> None:
    slow = make_submission(contest, make_user("t"), environment=make_environment("torch"))
    quick = make_submission(contest, make_user("p"))
    spec = Host().must_claim()
    assert spec.job_id == str(Job.objects.get(run__submission=quick).pk)
    assert Host().claim() is None
    slow.refresh_from_db()
    assert slow.status == "QUEUED"


def test_a_contestant_with_running_work_waits_behind_one_without(contest: Contest) -> None:
    greedy, modest = make_user("greedy"), make_user("modest")
    for _ in range(2):
        make_submission(contest, greedy)
    late = make_submission(contest, modest)
    Host().must_claim()
    assert Host().must_claim().job_id == str(Job.objects.get(run__submission=late).pk)


def test_a_lease_that_ran_out_is_claimed_again_with_a_new_token(queued: Submission) -> None:
    first = Host().must_claim()
    lapse(first.job_id)
    second = Host(name="host-2").must_claim()
    assert (second.attempt, second.job_id) == (2, first.job_id)
    assert second.token != first.token
    assert Host().heartbeat(first).status_code == 409
    assert Host().heartbeat(second).status_code == 200


def test_an_agent_that_comes_back_before_the_next_claim_carries_on(queued: Submission) -> None:
    spec = Host().must_claim()
    lapse(spec.job_id, seconds=3600)
    lease.sweep()
    assert Host().heartbeat(spec).status_code == 200
    assert Host(name="host-2").claim() is None


def test_a_lost_last_attempt_is_left_alone_until_hosts_have_been_heard_for_a_while_after_an_outage(
    queued: Submission,
) -> None:
    for _attempt in (1, 2, 3):
        spec = Host().must_claim()
        lapse(spec.job_id, seconds=3600)
    an_hour_ago = timezone.now() - datetime.timedelta(hours=1)
    RunnerHost.objects.update(seen_at=an_hour_ago, heard_from=an_hour_ago - datetime.timedelta(hours=1))
    assert lease.sweep() == 0  # the site has just come back
    assert Host().claim() is None
    assert lease.sweep() == 0  # so has its host
    heard_for(299)
    assert lease.sweep() == 0
    assert Host().heartbeat(spec).status_code == 200
    lapse(spec.job_id, seconds=3600)
    heard_for(301)
    assert lease.sweep() == 1


def test_a_lost_last_attempt_ends_as_internal_error_after_its_grace(queued: Submission) -> None:
    for attempt in (1, 2, 3):
        spec = Host().must_claim()
        assert spec.attempt == attempt
        lapse(spec.job_id)
    assert Host().claim() is None
    heard_for(301)
    assert lease.sweep() == 0  # the grace is not over
    lapse(spec.job_id, seconds=301)
    assert lease.sweep() == 1
    queued.refresh_from_db()
    assert (queued.status, queued.verdict) == ("FAILED", "INTERNAL_ERROR")
    assert Host().heartbeat(spec).status_code == 409


def test_a_job_given_back_is_queued_again_and_fails_after_three_attempts(queued: Submission) -> None:
    for number in range(3):
        spec = Host(name=f"host-{number}").must_claim()
        answer = Host().on_job("POST", spec, "give-back", {"attempt": spec.attempt, "reason": "no sandbox"})
        assert answer.status_code == 200
    assert Host(name="host-3").claim() is None
    queued.refresh_from_db()
    assert (queued.status, queued.verdict) == ("FAILED", "INTERNAL_ERROR")
    assert "no sandbox" in Job.objects.get().error


def test_a_host_that_gave_a_job_back_gets_it_again_only_when_it_has_rested(queued: Submission) -> None:
    spec = Host().must_claim()
    body = {"attempt": spec.attempt, "reason": "the disk is full"}
    assert Host().on_job("POST", spec, "give-back", body).status_code == 200
    assert Host().claim() is None
    lapse(spec.job_id)
    assert Host().must_claim().attempt == 2


def test_another_host_gets_at_once_what_one_gave_back(queued: Submission) -> None:
    spec = Host().must_claim()
    Host().on_job("POST", spec, "give-back", {"attempt": spec.attempt, "reason": "the disk is full"})
    assert Host(name="host-2").must_claim().attempt == 2


def test_a_job_whose_file_is_away_waits_and_no_other_waits_behind_it(contest: Contest) -> None:
    version = TaskVersion.objects.get(task__phase__contest=contest)
    TaskVersion.objects.update(kinds=[*version.kinds, "project"])
    away = make_submission(contest, make_user("away"), kind="project", filename="p.zip", content=b"no zip")
    Job.objects.filter(run__submission=away).update(kind="train")
    blobs.path_of(away.blob_id).unlink()
    innocent = make_submission(contest, make_user("i"))
    assert Host().must_claim().job_id == str(Job.objects.get(run__submission=innocent).pk)
    away.refresh_from_db()
    assert away.status == "QUEUED"
    waiting = queue.waiting(away)
    assert waiting is not None
    assert waiting.file_away


def test_jobs_whose_files_are_missing_block_no_pool_and_end_by_our_fault_after_three_tries(
    contest: Contest,
) -> None:
    version = TaskVersion.objects.get(task__phase__contest=contest)
    TaskVersion.objects.update(kinds=[*version.kinds, "project"])
    missing = [
        make_submission(contest, make_user(f"u{number}"), kind="project", filename="p.zip", content=b"no zip")
        for number in range(lease.CANDIDATES + 1)
    ]
    gone = Job.objects.filter(run__submission__in=missing)
    gone.update(kind="train")
    blobs.path_of(missing[0].blob_id).unlink()
    innocent = make_submission(contest, make_user("i"))
    assert Host().must_claim().job_id == str(Job.objects.get(run__submission=innocent).pk)
    for lost in (1, 2):
        assert set(gone.values_list("status", "attempt")) == {("QUEUED", lost)}
        assert Host(name="host-2").claim() is None  # set aside for all hosts
        gone.update(lease_until=timezone.now())
        assert Host().claim() is None
    assert set(gone.values_list("status", flat=True)) == {"FAILED"}
    missing[0].refresh_from_db()
    assert (missing[0].status, missing[0].verdict) == ("FAILED", "INTERNAL_ERROR")
    assert "missing" in Job.objects.filter(run__submission=missing[0]).get().error


def test_an_input_that_is_missing_is_told_to_the_agent_which_does_not_wait_for_it(queued: Submission) -> None:
    """It would wait for a site that fails, with its slot, for as long as its token lasts."""
    spec = Host().must_claim()
    blobs.path_of(spec.inputs[0].sha256).unlink()
    answer = Host().on_job("GET", spec, f"blobs/{spec.inputs[0].sha256}")
    assert answer.status_code == 404
    assert b"missing on the site" in answer.content


def test_stopping_agents_on_purpose_is_not_held_against_a_job(queued: Submission) -> None:
    for _ in range(5):
        spec = Host().must_claim()
        body = {"attempt": spec.attempt, "reason": "the agent was stopped", "stopped": True}
        assert Host().on_job("POST", spec, "give-back", body).status_code == 200
    for _ in range(2):
        lapse(Host().must_claim().job_id)
    assert Host().must_claim().attempt == 8
    assert Host().claim() is None
    queued.refresh_from_db()
    assert queued.status == "RUNNING"


def test_an_unknown_pool_token_is_told_what_to_do() -> None:
    answer = Host().call("POST", "claim", "pool_wrong", {"protocol": 1, "host": "h"})
    assert answer.status_code == 401
    assert b"token" in answer.content


def test_another_protocol_version_is_refused(queued: Submission) -> None:
    answer = Host().call("POST", "claim", "pool_of-a-test-cpu", {"protocol": 99, "host": "h"})
    assert answer.status_code == 426


def test_a_task_that_cannot_be_specified_fails_alone_and_blocks_nobody(contest: Contest) -> None:
    broken = make_contest("broken")
    TaskVersion.objects.filter(task__phase__contest=broken).update(limits={"nonsense": 1})
    poison = make_submission(broken, make_user("p"))
    innocent = make_submission(contest, make_user("i"))
    spec = Host().must_claim()
    assert spec.job_id == str(Job.objects.get(run__submission=innocent).pk)
    poison.refresh_from_db()
    assert (poison.status, poison.verdict) == ("FAILED", "INTERNAL_ERROR")
    assert "nonsense" in Job.objects.get(run__submission=poison).error


def test_jobs_that_wait_for_an_environment_are_not_counted_before_others(contest: Contest) -> None:
    for name in ("x", "y"):
        make_submission(contest, make_user(name), environment=make_environment("torch"))
    mine = make_submission(contest, make_user("me"))
    last_of_torch = make_submission(contest, make_user("z"), environment=make_environment("torch"))
    make_host(make_pool("cpu"), environments=[make_environment("python")])
    assert queue.position(mine) == 1
    assert queue.position(last_of_torch) == 4
    make_host(make_pool("cpu"), environments=[make_environment("torch")], name="host-2")
    assert queue.position(mine) == 3
