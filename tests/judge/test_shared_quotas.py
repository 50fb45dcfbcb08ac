"""What a team may have under way at once, its GPU minutes, and whose clock a deadline goes by."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from contests.models import Contest, Submission
from judge import cancel, intake, quotas, rejudging
from judge.models import Job, Run
from runners.spec import Limits
from tests.builders import (
    make_api_token,
    make_contest,
    make_device,
    make_facts,
    make_submission,
    make_user,
    phase_of,
    task_version_of,
)
from tests.judge.host import Host
from tests.judge.test_quotas import CSV, Slow, hand_in, quota, upload
from tests.together import at_once

pytestmark = pytest.mark.django_db
MINUTE = 60
ON_A_GPU = Limits(wall_s=5 * MINUTE, gpus=1)


def gpu_contest(minutes: int | None, *, limits: Limits = ON_A_GPU, **fields: object) -> Contest:
    contest = make_contest("gpu", kinds=("script",), limits=limits, **fields)  # type: ignore[arg-type]
    contest.phases.update(gpu_minutes_limit=minutes)
    return contest


def run_on_gpu(seconds: float, **facts: object) -> None:
    """Claim the next job on a host with a GPU, and end it after so many seconds."""
    host = Host()
    spec = host.claim(devices=[make_device()])
    assert spec is not None
    told = dataclasses.asdict(make_facts(wall_s=seconds, gpu_s=seconds, exit_code=1, **facts))
    body = {"attempt": spec.attempt, "facts": told | {"output": "missing"}, "files": []}
    answer = host.on_job("POST", spec, "finish", body)
    assert answer.status_code == 200, answer.content


def refused(user: User, contest: Contest, number: int = 0) -> str:
    with pytest.raises(intake.Rejected) as caught:
        hand_in(user, contest, number)
    assert (caught.value.code, caught.value.status) == ("quota", 429)
    return caught.value.message


# --- at once


def test_one_more_than_may_be_under_way_waits_until_one_has_ended() -> None:
    user, contest = make_user(), make_contest()
    contest.phases.update(pending_limit=2)
    first = hand_in(user, contest, 1)
    hand_in(user, contest, 2)
    assert (quota(user, contest).pending, quota(user, contest).left) == (2, 0)
    assert refused(user, contest, 3).startswith("2 of your submissions are waiting or running, and at most 2")
    cancel.cancel(first)
    assert hand_in(user, contest, 3).status == "QUEUED"


def test_a_rejudge_and_an_organisers_trial_are_not_under_way_for_the_contestant() -> None:
    user, contest = make_user(), make_contest()
    contest.phases.update(pending_limit=1)
    ended = make_submission(contest, user, status="FINISHED")
    rejudging.rejudge(ended)
    Submission.objects.filter(pk=make_submission(contest, user).pk).update(trial=True)
    assert quota(user, contest).pending == 0
    assert hand_in(user, contest).status == "QUEUED"


@pytest.mark.django_db(transaction=True)
def test_of_fifty_uploads_at_once_exactly_five_are_under_way() -> None:
    user, contest = make_user(), make_contest()
    contest.phases.update(pending_limit=5)
    results = at_once(
        [functools.partial(hand_in, user, contest, n) for n in range(50)], refusal=intake.Rejected
    )
    assert [r.code for r in results if isinstance(r, intake.Rejected)] == ["quota"] * 45
    assert (Submission.objects.count(), Job.objects.count()) == (5, 5)


# --- GPU minutes


def test_what_waits_holds_the_most_it_may_take_and_is_charged_what_it_took() -> None:
    user, contest = make_user(), gpu_contest(10)
    hand_in(user, contest, 1)
    assert quota(user, contest).gpu_held_s == 5 * MINUTE
    run_on_gpu(90)
    told = quota(user, contest)
    assert (told.gpu_used_s, told.gpu_held_s, told.gpu_left_s) == (90, 0, 510)
    hand_in(user, contest, 2)
    assert "3.5 of your 10 are free; 5 are held" in refused(user, contest, 3)
    run_on_gpu(4 * MINUTE)
    assert "4.5 of your 10 in this phase are left. Only the organisers" in refused(user, contest, 3)


def test_a_run_is_never_charged_more_than_was_held_for_it() -> None:
    user, contest = make_user(), gpu_contest(10)
    hand_in(user, contest)
    run_on_gpu(5 * MINUTE + 4)  # killed at its limit, which takes a moment
    assert quota(user, contest).gpu_used_s == 5 * MINUTE


def test_our_own_failure_and_a_rejudge_cost_no_gpu_minutes() -> None:
    user, contest = make_user(), gpu_contest(5)
    submission = hand_in(user, contest)
    Run.objects.filter(submission=submission).update(status="FAILED", verdict="INTERNAL_ERROR", gpu_s=200)
    Submission.objects.update(status="FAILED", verdict="INTERNAL_ERROR")
    rejudging.rejudge(submission)
    told = quota(user, contest)
    assert (told.gpu_used_s, told.gpu_held_s) == (0, 0)
    assert hand_in(user, contest, 2).status == "QUEUED"


def test_predictions_need_no_gpu_minutes() -> None:
    user, contest = make_user(), make_contest(limits=ON_A_GPU)
    contest.phases.update(gpu_minutes_limit=1)
    assert quota(user, contest).left == 50  # the least that some kind of submission needs is nothing
    assert intake.submit(user=user, contest=contest, file=upload("a.csv", CSV)).status == "QUEUED"
    assert "up to 5 GPU minutes, and 1 of your 1" in refused(user, contest)


def test_a_project_holds_the_minutes_of_all_its_stages() -> None:
    contest = make_contest(kinds=("project",), limits=ON_A_GPU)
    version = task_version_of(contest)
    version.stage_limits = {"train": {"wall_s": 600, "gpus": 2}}
    version.save()
    contest.phases.update(gpu_minutes_limit=60)
    assert quota(make_user(), contest).gpu_needed_s == 2 * 600 + 300
    assert quota(make_user("b"), contest).left == 2


@pytest.mark.django_db(transaction=True)
def test_gpu_minutes_are_not_overspent_by_fifty_uploads_at_once() -> None:
    user, contest = make_user(), gpu_contest(27)
    results = at_once(
        [functools.partial(hand_in, user, contest, n) for n in range(50)], refusal=intake.Rejected
    )
    assert [r.code for r in results if isinstance(r, intake.Rejected)] == ["quota"] * 45
    assert Submission.objects.count() == 5
    assert quota(user, contest).gpu_left_s == 2 * MINUTE


# --- whose day, whose deadline


def test_what_had_arrived_before_the_deadline_is_in_time_however_long_it_is_stored() -> None:
    user, contest = make_user(), make_contest()
    file = Slow("a.py", b"print(1)\n")
    file.meanwhile = lambda: contest.phases.update(ends_at=timezone.now())
    submission = intake.submit(user=user, contest=contest, file=file)
    ends_at = phase_of(contest).ends_at
    assert ends_at is not None
    assert submission.created_at < ends_at


def test_a_deadline_that_is_brought_forward_while_the_file_comes_in_holds() -> None:
    user, contest = make_user(), make_contest()
    file, earlier = Slow("a.py", b"print(1)\n"), timezone.now() - dt.timedelta(minutes=1)
    file.meanwhile = lambda: contest.phases.update(ends_at=earlier)
    with pytest.raises(intake.Rejected, match="It ended at"):
        intake.submit(user=user, contest=contest, file=file)
    assert not Submission.objects.exists()


def test_the_clients_clock_says_nothing() -> None:
    user, contest = make_user(), make_contest(ends_at=timezone.now() - dt.timedelta(seconds=1))
    early = "Sat, 21 Nov 2020 00:00:00 GMT"
    answer = Client().post(
        "/api/v1/contests/digits/submissions/",
        {"file": upload(), "created_at": "2020-11-21T00:00:00Z"},
        headers={"authorization": f"Token {make_api_token(user)}", "date": early, "if-modified-since": early},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "closed")
    assert not contest.submissions.exists()


def test_an_upload_repeated_after_the_deadline_is_the_one_of_before() -> None:
    user, contest = make_user(), make_contest()
    first = intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k")
    contest.phases.update(ends_at=timezone.now())
    assert intake.submit(user=user, contest=contest, file=upload(), idempotency_key="k") == first


def test_what_arrived_yesterday_counts_for_yesterday() -> None:
    user, contest = make_user(), make_contest(daily_limit=1)
    make_submission(contest, user)
    yesterday = timezone.now() - dt.timedelta(days=1)
    place = contest.participations.get()
    assert quotas.of(place.team, phase_of(contest), yesterday).left_today == 1
    assert quotas.of(place.team, phase_of(contest), timezone.now()).left_today == 0
