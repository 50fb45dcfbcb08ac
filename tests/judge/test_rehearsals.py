"""Rehearsals on public samples: shown as ever, free where they fail, and bounded by the day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from contests.models import Contest, Submission, Team
from judge import cancel, intake, logs, quotas
from judge.models import Run
from judge.verdicts import explain
from runners.spec import JobKind
from tests.builders import make_facts, make_user, phase_of
from tests.hidden import hand_in, hidden_contest
from tests.judge.host import Host

pytestmark = pytest.mark.django_db
SCRIPT = b"print(1)\n"


@pytest.fixture
def contest() -> Contest:
    return hidden_contest()


def rehearse_badly(contest: Contest, user: User) -> Submission:
    submission = hand_in(contest, user, "work.py", SCRIPT)
    host = Host()
    spec = host.must_claim()
    assert spec.kind is JobKind.REHEARSE
    host.heartbeat(spec, log=b"Traceback\n")
    host.finish(spec, facts=make_facts(exit_code=1), files={"submission.csv": b"half"})
    submission.refresh_from_db()
    return submission


def test_a_failed_rehearsal_shows_its_log_and_costs_no_quota(contest: Contest) -> None:
    user = make_user()
    submission = rehearse_badly(contest, user)
    assert (submission.status, submission.verdict) == ("FINISHED", "RUNTIME_ERROR")
    assert logs.read(submission).text == "Traceback\n"
    assert Host().claim() is None
    quota = quotas.quota(user, contest)
    assert quota is not None
    assert (quota.used_today, quota.used_total, quota.rehearsals_today) == (0, 0, 1)
    said = explain("RUNTIME_ERROR", Run.objects.get()).text
    assert "no quota is used up" in said


def test_a_rehearsal_under_way_costs_until_it_has_failed(contest: Contest) -> None:
    user = make_user()
    hand_in(contest, user, "work.py", SCRIPT)
    quota = quotas.quota(user, contest)
    assert quota is not None
    assert quota.used_today == 1


def test_what_has_met_hidden_features_costs_whatever_became_of_it(contest: Contest) -> None:
    user, host = make_user(), Host()
    for facts in (make_facts(exit_code=1), None):
        submission = hand_in(contest, user, "work.py", SCRIPT)
        host.run_well(host.must_claim())
        spec = host.must_claim()
        assert spec.withheld
        if facts is None:
            cancel.cancel(submission)
        else:
            host.finish(spec, facts=facts)
    quota = quotas.of(Team.objects.get(), phase_of(contest), timezone.now())
    assert (quota.used_today, quota.rehearsals_today) == (2, 0)


def test_free_rehearsals_are_bounded_by_the_day(contest: Contest, settings: Any) -> None:
    settings.PODIUM_FREE_REHEARSALS_PER_DAY = 2
    user = make_user()
    rehearse_badly(contest, user)
    rehearse_badly(contest, user)
    with pytest.raises(intake.Rejected, match="failed in their rehearsals today") as refused:
        hand_in(contest, user, "work.py", SCRIPT)
    assert refused.value.status == 429
    quota = quotas.quota(user, contest)
    assert quota is not None
    assert quota.left == 0
    yesterday = timezone.now() - dt.timedelta(days=1)
    Submission.objects.update(created_at=yesterday)
    assert hand_in(contest, user, "work.py", SCRIPT)


def test_called_back_in_its_rehearsal_it_is_one_of_the_free_ones(contest: Contest) -> None:
    user = make_user()
    submission = hand_in(contest, user, "work.py", SCRIPT)
    Host().must_claim()
    cancel.cancel(submission)
    quota = quotas.quota(user, contest)
    assert quota is not None
    assert (quota.used_today, quota.rehearsals_today) == (0, 1)
