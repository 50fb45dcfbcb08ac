"""Quotas: what costs, how much is left, and that they are exact however many hands upload at once."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import User
from contests import joining, rules
from contests.models import Contest, Participation, Submission
from judge import cancel, intake, quotas
from judge.models import Run
from runners.verdict import Verdict
from tests.builders import make_contest, make_submission, make_user, phase_of, task_version_of
from tests.judge.host import Host
from tests.together import at_once

pytestmark = pytest.mark.django_db
CSV = b"id,target\n3,1\n4,0\n"
STATUS = {"": "QUEUED", Verdict.INTERNAL_ERROR: "FAILED", Verdict.CANCELLED: "CANCELLED"}


def upload(name: str = "train.py", content: bytes = b"print(1)\n") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def hand_in(user: User, contest: Contest, number: int = 0) -> Submission:
    return intake.submit(user=user, contest=contest, file=upload(f"s{number}.py", b"%d" % number))


def quota(user: User, contest: Contest) -> quotas.Quota:
    found = quotas.quota(user, contest)
    assert found is not None
    return found


def limit_total(contest: Contest, count: int) -> None:
    contest.phases.update(total_limit=count)


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("verdict", ["", *Verdict])
def test_the_count_and_the_rule_agree_on_every_verdict(verdict: str, *, started: bool) -> None:
    user, contest = make_user(), make_contest()
    submission = make_submission(contest, user, status=STATUS.get(verdict, "FINISHED"), verdict=verdict)
    Run.objects.update(started_at=timezone.now() if started else None)
    assert quota(user, contest).used_today == int(rules.costs_quota(verdict, started=started))
    assert quota(user, contest).used_total == int(rules.costs_quota(verdict, started=started))
    Submission.objects.filter(pk=submission.pk).update(trial=True)
    assert quota(user, contest).used_today == 0


def test_a_rejudge_costs_nothing_more() -> None:
    user, contest = make_user(), make_contest(daily_limit=3)
    submission = make_submission(contest, user, status="FINISHED")
    Run.objects.create(submission=submission, task_version=task_version_of(contest), generation=2)
    assert quota(user, contest).left == 2


def test_our_own_failures_and_what_was_called_back_in_time_cost_no_quota() -> None:
    user, contest = make_user(), make_contest(daily_limit=3)
    make_submission(contest, user, status="FAILED")
    make_submission(contest, user, status="FINISHED", verdict="RUNTIME_ERROR")
    early = hand_in(user, contest)
    assert quota(user, contest).left == 1
    cancel.cancel(early)
    assert quota(user, contest).left == 2


@pytest.mark.parametrize(
    ("name", "content", "pool"), [("train.py", b"print(1)\n", "cpu"), ("answers.csv", CSV, "scoring")]
)
def test_what_had_started_costs_quota_even_when_it_is_called_back(
    name: str, content: bytes, pool: str
) -> None:
    user, contest = make_user(), make_contest(daily_limit=1)
    submission = intake.submit(user=user, contest=contest, file=upload(name, content))
    Host().must_claim(pool)
    cancel.cancel(submission)
    with pytest.raises(intake.Rejected) as caught:
        hand_in(user, contest)
    assert (caught.value.code, caught.value.status) == ("quota", 429)


def test_yesterdays_submissions_count_in_total_and_not_today() -> None:
    user, contest = make_user(), make_contest(daily_limit=1)
    make_submission(contest, user, created_at=timezone.now() - dt.timedelta(days=1))
    assert (quota(user, contest).used_today, quota(user, contest).used_total) == (0, 1)
    assert hand_in(user, contest).status == "QUEUED"


def test_the_smaller_of_day_and_total_is_what_is_left() -> None:
    user, contest = make_user(), make_contest(daily_limit=5)
    for days in range(4):
        make_submission(contest, user, created_at=timezone.now() - dt.timedelta(days=days))
    assert (quota(user, contest).left, quota(user, contest).left_total) == (4, None)
    limit_total(contest, 6)
    assert quota(user, contest).left == 2
    limit_total(contest, 4)
    assert quota(user, contest).left == 0
    with pytest.raises(intake.Rejected, match="all 4 submissions that are allowed in total") as caught:
        hand_in(user, contest)
    assert caught.value.status == 429


def test_the_day_ends_at_midnight_utc_whatever_the_clock_of_the_reader() -> None:
    contest = make_contest()
    resets_at = quota(make_user(), contest).resets_at
    assert resets_at > timezone.now()
    assert resets_at - timezone.now() <= dt.timedelta(days=1)
    assert (resets_at.hour, resets_at.minute, resets_at.utcoffset()) == (0, 0, dt.timedelta(0))


def test_each_contestant_has_a_quota_of_their_own() -> None:
    contest = make_contest(daily_limit=1)
    hand_in(make_user("a"), contest)
    assert quota(make_user("b"), contest).left == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("total", [None, 4])
def test_of_thirty_uploads_at_once_exactly_as_many_as_allowed_are_accepted(total: int | None) -> None:
    user, contest = make_user(), make_contest(daily_limit=7)
    contest.phases.update(total_limit=total)
    allowed = total or 7
    results = at_once(
        [functools.partial(hand_in, user, contest, n) for n in range(30)], refusal=intake.Rejected
    )
    refused = [result.code for result in results if isinstance(result, intake.Rejected)]
    assert refused == ["quota"] * (30 - allowed)
    assert Submission.objects.count() == allowed
    assert quota(user, contest).left == 0
    assert Participation.objects.count() == 1


def test_what_came_before_the_deadline_is_judged_after_it_and_counts() -> None:
    user, contest = make_user(), make_contest()
    submission = intake.submit(user=user, contest=contest, file=upload("answers.csv", CSV))
    phase = phase_of(contest)
    phase.ends_at = timezone.now()
    phase.save()
    with pytest.raises(intake.Rejected, match=r"It ended at .* UTC"):
        hand_in(user, contest)
    host = Host()
    host.score_well(host.must_claim("scoring"))
    submission.refresh_from_db()
    assert submission.public_score == 0.75
    assert contest.phases.get().boards.get(audience="public").entries.get().score == 0.75


def test_a_contest_yet_to_start_names_its_date() -> None:
    starts_at = timezone.now() + dt.timedelta(days=1)
    with pytest.raises(intake.Rejected, match=f"It starts at {starts_at:%Y-%m-%d}"):
        hand_in(make_user(), make_contest(starts_at=starts_at))


@pytest.mark.parametrize("state", ["pending", "refused"])
def test_only_those_admitted_hand_in(state: str) -> None:
    user, contest = make_user(), make_contest(registration="approval")
    place = joining.join(user, contest)
    Participation.objects.filter(pk=place.pk).update(state=state)
    with pytest.raises(intake.Rejected) as caught:
        hand_in(user, contest)
    assert (caught.value.code, caught.value.status) == (state, 403)
    assert not Submission.objects.exists()


class Slow(SimpleUploadedFile):
    """A file during whose upload something happens."""

    meanwhile: Callable[[], object]

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield from super().chunks(chunk_size)
        self.meanwhile()


def test_who_is_refused_while_the_file_comes_in_has_handed_in_nothing() -> None:
    user, contest = make_user(), make_contest()
    place = joining.require(user, contest)
    file = Slow("a.py", b"print(1)\n")
    file.meanwhile = lambda: joining.decide(place, "refused")
    with pytest.raises(intake.Rejected) as caught:
        intake.submit(user=user, contest=contest, file=file)
    assert caught.value.code == "refused"
    assert not Submission.objects.exists()


def test_submissions_made_under_the_old_rules_stay_and_new_ones_wait_for_the_new() -> None:
    user, contest = make_user(), make_contest(rules="Be kind.")
    joining.join(user, contest, accept_rules=True)
    kept = hand_in(user, contest, 1)
    Contest.objects.filter(pk=contest.pk).update(rules="Be kinder.")
    contest.refresh_from_db()
    with pytest.raises(intake.Rejected, match="have changed"):
        hand_in(user, contest, 2)
    assert list(Submission.objects.all()) == [kept]
    joining.join(user, contest, accept_rules=True)
    assert hand_in(user, contest, 2).status == "QUEUED"
