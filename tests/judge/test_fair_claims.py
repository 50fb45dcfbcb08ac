"""Fair turns as claims take them from the database: what judge.turns says, at the same cost however much waits."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from compute.models import Pool, RunnerHost
from contests.models import Contest, Submission
from judge import own_queue, queue
from judge.models import Job, Turn
from runners.spec import JobSpec
from tests.builders import make_contest, make_host, make_pool, make_submission, make_user
from tests.judge.host import Host

pytestmark = pytest.mark.django_db


def backlog(contest: Contest, user: User, count: int) -> None:
    for _ in range(count):
        make_submission(contest, user)


def contest_of(spec: JobSpec) -> str:
    return str(Job.objects.values_list("contest__slug", flat=True).get(pk=spec.job_id))


def run_next() -> str:
    """Claim and end the next job; the slug of its contest."""
    host = Host()
    spec = host.must_claim()
    host.run_well(spec)
    return contest_of(spec)


def finish_of(contest: Contest) -> float:
    return Turn.objects.get(contest=contest, contestant=0, pool__slug="cpu").finish


def test_a_contest_of_weight_three_has_three_turns_of_four() -> None:
    heavy, light = make_contest("heavy", queue_weight=3), make_contest("light")
    backlog(heavy, make_user("h"), 15)
    backlog(light, make_user("l"), 15)
    hosts = Host()
    had = Counter(contest_of(hosts.must_claim()) for _ in range(12))
    assert had == {"heavy": 9, "light": 3}


def test_a_contestants_backlog_does_not_make_another_wait() -> None:
    contest, late = make_contest(), make_user("late")
    backlog(contest, make_user("hog"), 10)
    run_next()
    mine = make_submission(contest, late)
    assert queue.position(mine) == 1
    assert Job.objects.get(pk=Host().must_claim().job_id).run.submission_id == mine.pk  # type: ignore[union-attr]


def test_every_place_told_is_the_place_taken() -> None:
    one, two = make_contest("one", queue_weight=2), make_contest("two")
    for number in range(3):
        backlog(one, make_user(f"a{number}"), 1 + number)
        backlog(two, make_user(f"b{number}"), 2)
    make_host(make_pool("cpu"), environments=[task.environment for task in Submission.objects.all()[:1]])
    told = queue.order(make_pool("cpu").pk, 50)
    places = [queue.position(Submission.objects.get(pk=key)) for key in told if key]
    assert places == list(range(1, 13))
    taken = [Job.objects.get(pk=Host().must_claim().job_id).run for _ in told]
    assert [run.submission_id for run in taken if run] == told


def test_a_preferred_submission_goes_next_in_its_contest_through_all_stages_and_its_contestant_pays_for_it() -> (
    None
):
    contest, hog, modest = make_contest(), make_user("hog"), make_user("modest")
    backlog(contest, hog, 3)
    wanted = make_submission(contest, hog)
    backlog(contest, modest, 2)
    scored_first = make_submission(contest, modest, kind="predictions")
    host = Host()
    host.must_claim()  # the oldest of the hog's: it is the modest one's turn now
    assert own_queue.prefer(wanted, by=None)
    make_host(make_pool("cpu"), environments=[wanted.environment], name="told")
    told = [queue.position(each) for each in Submission.objects.order_by("created_at")]
    assert told == [None, 4, 5, 1, 2, 3, 1]
    spec = host.must_claim()
    assert Job.objects.get(pk=spec.job_id).run.submission_id == wanted.pk  # type: ignore[union-attr]
    taken = [Job.objects.get(pk=host.must_claim().job_id).run for _ in range(4)]
    assert [run.submission.user.username for run in taken if run] == ["modest", "modest", "hog", "hog"]
    host.run_well(spec)
    scoring = host.must_claim("scoring")
    assert Job.objects.get(pk=scoring.job_id).run.submission_id == wanted.pk  # type: ignore[union-attr]
    assert queue.queued_job(scored_first) is not None


def test_preferring_one_takes_no_turn_of_another_contest() -> None:
    one, two = make_contest("one"), make_contest("two")
    backlog(one, make_user("a"), 4)
    backlog(two, make_user("b"), 4)
    for submission in Submission.objects.filter(contest=two):
        assert own_queue.prefer(submission, by=None)
    host = Host()
    assert Counter(contest_of(host.must_claim()) for _ in range(4)) == {"one": 2, "two": 2}


def test_a_submission_that_has_ended_is_not_preferred() -> None:
    ended = make_submission(make_contest(), make_user(), status="FINISHED")
    assert not own_queue.prefer(ended, by=None)
    assert ended.runs.get().preferred_at is None


def test_a_contest_whose_queue_is_held_waits_alone_and_keeps_its_places() -> None:
    held, other = make_contest("held"), make_contest("other")
    backlog(held, make_user("a"), 2)
    mine = Submission.objects.earliest("created_at")
    backlog(other, make_user("b"), 1)
    make_host(make_pool("cpu"), environments=[mine.environment], name="told")
    own_queue.hold(held, by=None)
    host = Host()
    assert (queue.position(mine), contest_of(host.must_claim())) == (None, "other")
    waiting = queue.waiting(mine)
    assert waiting is not None
    assert waiting.by_organisers
    assert host.claim() is None
    own_queue.release(held, by=None)
    assert queue.position(mine) == 1
    assert Job.objects.get(pk=host.must_claim().job_id).run.submission_id == mine.pk  # type: ignore[union-attr]


@pytest.mark.django_db(transaction=True)  # what it took is written after the commit
def test_a_turn_is_charged_what_it_took_and_one_that_was_our_fault_nothing() -> None:
    contest = make_contest()
    backlog(contest, make_user(), 2)
    host = Host()
    spec = host.must_claim()
    assert finish_of(contest) == 60
    Job.objects.filter(pk=spec.job_id).update(claimed_at=timezone.now() - dt.timedelta(seconds=500))
    host.run_well(spec)
    assert finish_of(contest) == pytest.approx(500, abs=5)
    again = host.must_claim()
    host.on_job("POST", again, "give-back", {"attempt": again.attempt, "reason": "ours"})
    assert finish_of(contest) == pytest.approx(500, abs=5)


def test_a_job_of_a_dead_host_is_charged_once() -> None:
    contest = make_contest()
    backlog(contest, make_user(), 1)
    spec = Host().must_claim()
    Job.objects.filter(pk=spec.job_id).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    Host(name="host-2").must_claim()
    assert finish_of(contest) == 60


def test_a_job_queued_by_a_previous_release_is_claimed() -> None:
    backlog(make_contest(), make_user(), 2)
    Job.objects.update(contest=None, contestant=0)
    assert Host().claim() is not None
    assert Host().claim() is not None


@pytest.mark.django_db(transaction=True)
def test_of_claims_at_once_each_gets_another_job_and_every_turn_is_charged() -> None:
    contest = make_contest()
    backlog(contest, make_user("a"), 4)
    backlog(contest, make_user("b"), 4)
    start, got = threading.Barrier(6), []

    def claim(name: str) -> None:
        start.wait()
        got.append(Host(name=name).claim())
        connection.close()

    threads = [threading.Thread(target=claim, args=(f"host-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({spec.job_id for spec in got if spec}) == 6
    assert finish_of(contest) == pytest.approx(6 * 60)


def test_a_claim_costs_the_same_queries_with_two_that_wait_as_with_two_hundred() -> None:
    contest, hosts = make_contest(), Host()
    counts = []
    for count in (2, 200):
        for number in range(count):
            make_submission(contest, make_user(f"{count}-{number}"))
        hosts.must_claim()  # what a site keeps in memory is there after the first
        with CaptureQueriesContext(connection) as captured:
            hosts.must_claim()
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- held and draining


def test_a_pool_that_is_held_hands_nothing_out_and_goes_on_when_released() -> None:
    backlog(make_contest(), make_user(), 2)
    host = Host()
    running = host.must_claim()
    pool = make_pool("cpu")
    pool.held = True
    pool.save()
    assert host.claim() is None
    assert host.heartbeat(running).status_code == 200
    host.run_well(running)
    pool.held = False
    pool.save()
    assert host.claim() is not None


def test_a_host_that_drains_is_given_nothing_and_the_others_work_on() -> None:
    backlog(make_contest(), make_user(), 2)
    host = Host()
    running = host.must_claim()
    RunnerHost.objects.update(draining=True)
    assert host.claim() is None
    assert host.heartbeat(running).status_code == 200
    assert Host(name="host-2").claim() is not None
    assert RunnerHost.objects.get(name="host-1").draining  # its next report does not end it


# --- what those who wait are told


def ended_runs(contest: Contest, count: int, seconds: float) -> None:
    """So many runs that ended lately, one after another, each after so long."""
    now, user = timezone.now(), make_user("earlier")
    for number in range(count):
        submission = make_submission(contest, user, status="FINISHED")
        began = now - dt.timedelta(seconds=(number + 1) * seconds)
        Job.objects.filter(run__submission=submission).update(
            claimed_at=began, finished_at=began + dt.timedelta(seconds=seconds)
        )


def test_a_pool_without_a_past_tells_no_time_and_one_with_a_past_tells_a_range() -> None:
    contest = make_contest()
    mine = make_submission(contest, make_user())
    make_host(make_pool("cpu"), environments=[mine.environment])
    assert queue.place(mine) == queue.Place(1, None)
    ended_runs(contest, 5, 120)
    backlog(contest, make_user("other"), 1)
    Host().must_claim()
    last = make_submission(contest, make_user("last"))
    place = queue.place(last)
    assert place is not None
    assert place.number == 2
    assert place.starts is not None
    assert 60 < place.starts.low <= place.starts.high < 1000


def test_who_waits_in_a_pool_that_is_held_is_told_so_and_no_time() -> None:
    contest = make_contest()
    mine = make_submission(contest, make_user())
    ended_runs(contest, 5, 10)
    make_host(make_pool("cpu"), environments=[mine.environment])
    Pool.objects.update(held=True)
    waiting = queue.waiting(mine)
    assert waiting is not None
    assert waiting.held
    assert queue.place(mine) == queue.Place(1, None)


def test_who_waits_for_hosts_that_drain_is_told_that_there_is_none() -> None:
    mine = make_submission(make_contest(), make_user())
    make_host(make_pool("cpu"), environments=[mine.environment])
    assert queue.waiting(mine) is None
    RunnerHost.objects.update(draining=True)
    waiting = queue.waiting(mine)
    assert waiting is not None
    assert waiting.hosts == 0
