"""Two at the same moment, one certainly before the other has ended: what the second finds and what it leaves alone.

On SQLite there is one writer, so these hold by themselves; on PostgreSQL (READ COMMITTED) each shows a lock or a
conditional UPDATE at work, and turns red without it.
"""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts.models import User
from compute.models import RunnerHost
from contests import joining, removal
from contests.models import Check, Contest, Participation, Submission
from judge import cancel, checking, intake, lease, rejudging, settling, transitions
from judge.models import Job, Run
from leaderboard import boards
from leaderboard.models import Board, Score, ScoreEvent
from runners.spec import JobSpec
from tests.builders import make_contest, make_submission, make_user, task_version_of
from tests.judge.host import Host
from tests.together import at_once, overlapping

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def contest() -> Contest:
    return make_contest(daily_limit=5)


@pytest.fixture
def alice() -> User:
    return make_user()


def hand_in(
    user: User, contest: Contest, *, key: str | None = None, text: bytes = b"print(1)\n"
) -> Submission:
    file = SimpleUploadedFile("train.py", text)
    return intake.submit(user=user, contest=contest, file=file, idempotency_key=key)


def count(submission: Submission, value: float) -> None:
    boards.count_score(
        submission=submission,
        task_version=task_version_of(submission.contest),
        public=value,
        private=value,
        feedback={},
        scorer_digest="",
        environment="scoring@1",
        at=submission.created_at,
    )


def finished_run(contest: Contest, user: User) -> Submission:
    return make_submission(contest, user, status="SCORING")


def test_two_scores_of_one_board_get_versions_in_the_order_of_their_commits(contest: Contest) -> None:
    mine, yours = (finished_run(contest, make_user(name)) for name in ("mine", "yours"))

    def second() -> None:
        with transaction.atomic():
            count(yours, 0.5)

    assert overlapping(lambda: count(mine, 0.25), second) is None
    for board in Board.objects.filter(phase__contest=contest):
        told = ScoreEvent.objects.filter(board=board).order_by("version")
        assert list(told.values_list("version", "submission")) == [(1, mine.pk), (2, yours.pk)]
        assert board.version == 2
        assert boards.materialised(board) == boards.recomputed(board)


def test_two_scores_of_one_team_are_both_counted(contest: Contest, alice: User) -> None:
    worse, better = finished_run(contest, alice), finished_run(contest, alice)

    def second() -> None:
        with transaction.atomic():
            count(better, 0.75)

    assert overlapping(lambda: count(worse, 0.25), second) is None
    (row,) = boards.rows(Board.objects.get(phase__contest=contest, audience="public"))
    assert (row.score, row.submissions) == (0.75, 2)


def test_a_job_that_another_host_is_taking_is_not_taken(contest: Contest, alice: User) -> None:
    make_submission(contest, alice)
    assert overlapping(lambda: Host().must_claim(), lambda: Host(name="host-2").claim()) is None
    job = Job.objects.get()
    assert (job.attempt, job.host) == (1, "host-1")


def test_an_attempt_that_is_being_finished_is_not_finished_again(contest: Contest, alice: User) -> None:
    make_submission(contest, alice, kind="predictions")
    host = Host()
    spec = host.must_claim("scoring")
    again = overlapping(lambda: host.score_well(spec), lambda: Host().score_well(spec).status_code)
    # Its upload or its finish: whichever came first was told so.
    assert again == 409 or isinstance(again, AssertionError)
    assert (Score.objects.count(), ScoreEvent.objects.count()) == (1, 2)


@pytest.mark.parametrize("said", [b"", b"late"])
def test_a_lease_that_another_host_takes_is_not_extended(contest: Contest, alice: User, said: bytes) -> None:
    make_submission(contest, alice)
    spec = Host().must_claim()
    Job.objects.update(lease_until=Job.objects.get().claimed_at)
    beat = overlapping(
        lambda: Host(name="host-2").must_claim(), lambda: Host().heartbeat(spec, log=said).status_code
    )
    assert beat == 409
    assert Job.objects.get().log_bytes == 0


def test_what_is_being_finished_cannot_be_called_back(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice, kind="predictions")
    host = Host()
    spec = host.must_claim("scoring")
    assert overlapping(lambda: host.score_well(spec), lambda: cancel.cancel(submission)) is False
    submission.refresh_from_db()
    assert submission.verdict == "SCORED"


def test_what_is_being_called_back_cannot_be_given_back(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice)
    spec = Host().must_claim()
    job = lease.held(job_id=Job.objects.get().pk, token=spec.token)
    late = overlapping(lambda: cancel.cancel(submission), lambda: lease.give_back(job, reason="no sandbox"))
    assert isinstance(late, lease.Stale)
    assert Run.objects.get().status == "CANCELLED"


def test_of_the_last_place_in_a_quota_two_uploads_get_one(contest: Contest, alice: User) -> None:
    for _ in range(4):
        hand_in(alice, contest)
    late = overlapping(lambda: hand_in(alice, contest), lambda: hand_in(alice, contest))
    assert isinstance(late, intake.Rejected)
    assert late.code == "quota"
    assert Submission.objects.count() == 5


def test_an_upload_that_is_sent_again_before_the_first_was_answered_is_the_same(
    contest: Contest, alice: User
) -> None:
    hand_in(alice, contest)  # has joined
    again = overlapping(lambda: hand_in(alice, contest, key="k"), lambda: hand_in(alice, contest, key="k").pk)
    assert Submission.objects.filter(idempotency_key="k").values_list("pk", flat=True).get() == again


def test_one_key_in_two_contests_at_once_is_used_once(contest: Contest, alice: User) -> None:
    other = make_contest("other")
    hand_in(alice, contest)
    hand_in(alice, other)
    late = overlapping(lambda: hand_in(alice, contest, key="k"), lambda: hand_in(alice, other, key="k"))
    assert isinstance(late, intake.Rejected)
    assert (late.code, late.status) == ("key_reused", 409)


def test_a_person_who_joins_twice_at_once_is_in_once(contest: Contest, alice: User) -> None:
    joining.join(make_user("bob"), contest)
    joined = overlapping(lambda: joining.join(alice, contest), lambda: joining.join(alice, contest).pk)
    assert Participation.objects.get(user=alice).pk == joined


def test_two_who_want_one_name_get_two(contest: Contest) -> None:
    mine, yours = make_user("mine"), make_user("yours")
    late = overlapping(
        lambda: joining.join(mine, contest, name="The best"),
        lambda: joining.join(yours, contest, name="the BEST"),
    )
    assert isinstance(late, joining.NotAdmitted)
    assert late.code == "name_taken"


def test_a_submission_is_judged_again_once_at_a_time(contest: Contest, alice: User) -> None:
    scored = make_submission(contest, alice, status="FINISHED", kind="predictions", public_score=0.5)
    late = overlapping(lambda: rejudging.rejudge(scored), lambda: rejudging.rejudge(scored))
    assert isinstance(late, rejudging.CannotRejudge)
    assert late.code == "under_way"
    assert Run.objects.filter(submission=scored).count() == 2


def test_a_check_is_started_once_at_a_time(contest: Contest, alice: User) -> None:
    version = task_version_of(contest)
    first: list[int] = []
    second = overlapping(
        lambda: first.append(checking.start(version, alice).pk), lambda: checking.start(version, alice).pk
    )
    assert [second] == first


def test_a_check_that_starts_while_its_task_is_deleted_and_the_other_way_round_do_not_wait_for_each_other(
    contest: Contest, alice: User
) -> None:
    version = task_version_of(contest)
    gone = overlapping(lambda: checking.start(version, alice), lambda: removal.remove_task(version.task))
    assert gone is None
    other = task_version_of(make_contest("other"))
    late = overlapping(lambda: removal.remove_task(other.task), lambda: checking.start(other, alice))
    assert isinstance(late, checking.CannotCheck)
    assert late.code == "no_task"
    assert not Check.objects.exists()


def test_the_second_of_two_last_baselines_ends_their_check(contest: Contest, alice: User) -> None:
    check = checking.start(task_version_of(contest), alice)
    Job.objects.filter(task_check=check).update(status="FINISHED")
    trials = [make_submission(contest, alice, kind="predictions") for _ in range(2)]
    check.trials.add(*trials)

    def end(trial: Submission) -> None:  # as judge.transitions does when a run ends
        with transaction.atomic():
            Submission.objects.filter(pk=trial.pk).update(status="FINISHED", verdict="NO_OUTPUT")
            settling.settle(check.pk)

    assert overlapping(lambda: end(trials[0]), lambda: end(trials[1])) is None
    check.refresh_from_db()
    assert check.status in check.ENDED


def test_an_agent_that_comes_back_while_the_sweep_looks_keeps_its_last_attempt(
    contest: Contest, alice: User
) -> None:
    submission = make_submission(contest, alice)
    spec = Host().must_claim()
    Job.objects.update(attempt=3, lease_until=timezone.now() - datetime.timedelta(hours=1))
    RunnerHost.objects.update(heard_from=timezone.now() - datetime.timedelta(hours=1))
    last = dataclasses.replace(spec, attempt=3)
    assert overlapping(lambda: Host().heartbeat(last), lease.sweep) == 0
    assert Run.objects.get(submission=submission).status == "RUNNING"


def test_a_team_is_renamed_while_a_file_comes_into_a_contest_with_bounded_storage(
    contest: Contest, alice: User
) -> None:
    hand_in(alice, contest)
    Contest.objects.update(storage_mb=5)
    contest.refresh_from_db()
    place = Participation.objects.get(user=alice)
    late = overlapping(
        lambda: Contest.objects.select_for_update(no_key=True).get(pk=contest.pk),
        lambda: hand_in(alice, contest, text=b"print(2)\n"),
        then=lambda: joining.rename(place, "The best"),
    )
    assert isinstance(late, Submission)


def test_a_check_and_a_baseline_of_it_end_at_once_and_neither_waits_for_the_other(
    contest: Contest, alice: User
) -> None:
    check = checking.start(task_version_of(contest), alice)
    trial = make_submission(contest, alice, kind="predictions")
    check.trials.add(trial)
    looked_at = Host().must_claim("scoring")
    judged = Host().must_claim("scoring")
    specs = {Job.objects.get(pk=spec.job_id).kind: spec for spec in (looked_at, judged)}
    ended = overlapping(
        lambda: transitions.lock(Job.objects.get(task_check=check)),
        lambda: Host().score_well(specs["score"]).status_code,
        then=lambda: give_back(specs["check"]),
    )
    assert ended == 200
    assert Job.objects.get(task_check=check).status == "QUEUED"


def give_back(spec: JobSpec) -> None:
    body = {"attempt": spec.attempt, "reason": "no sandbox"}
    assert Host().on_job("POST", spec, "give-back", body).status_code == 200


@pytest.mark.postgres  # SQLite has one writer
def test_who_claims_does_not_wait_for_a_score_that_is_being_counted(contest: Contest, alice: User) -> None:
    for _ in range(2):
        make_submission(contest, alice, kind="predictions")
    host = Host()
    spec = host.must_claim("scoring")
    with transaction.atomic():
        host.score_well(spec)
        (claimed,) = at_once([lambda: Host(name="host-2").claim("scoring")], refusal=OperationalError)
        assert isinstance(claimed, JobSpec)
