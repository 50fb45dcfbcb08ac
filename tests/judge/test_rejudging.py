"""A rejudge adds a run; what counts afterwards, on the page, on the boards and in the quota."""

from __future__ import annotations

import datetime
import random

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from contests import tasks
from contests.models import Contest, Submission
from judge import cancel, logs, quotas, rejudging, runs
from judge.models import Job, Run
from leaderboard import boards
from leaderboard.models import Board, BoardEntry, Score, ScoreEvent
from tests.builders import (
    make_api_token,
    make_blob,
    make_check,
    make_contest,
    make_facts,
    make_submission,
    make_user,
    phase_of,
    task_version_of,
)
from tests.judge.host import Host
from tests.together import at_once

pytestmark = pytest.mark.django_db
BETTER = {"ok": True, "public": 0.9, "private": 0.8, "feedback": {}}
INVALID = {"ok": False, "errors": [{"code": "no_rows", "params": {}, "message": "none"}]}


@pytest.fixture
def contest() -> Contest:
    return make_contest()


@pytest.fixture
def scored(contest: Contest) -> Submission:
    return make_submission(
        contest, make_user(), status="FINISHED", kind="predictions", public_score=0.75, private_score=0.5
    )


def score(result: dict[str, object] | None = None) -> None:
    """Do the score job that waits."""
    host = Host()
    assert host.score_well(host.must_claim("scoring"), result).status_code == 200


def summary(submission: Submission) -> tuple[str, str, float | None, float | None]:
    submission.refresh_from_db()
    return submission.status, submission.verdict, submission.public_score, submission.private_score


def board(contest: Contest, audience: str = "public") -> Board:
    return Board.objects.get(phase__contest=contest, audience=audience)


def on_board(contest: Contest, audience: str = "public") -> list[tuple[str, float, int]]:
    found = board(contest, audience)
    assert boards.materialised(found) == boards.recomputed(found)
    return [(row.name, row.score, row.submissions) for row in boards.rows(found)]


def test_a_new_score_takes_the_place_of_the_old_one(contest: Contest, scored: Submission) -> None:
    run = rejudging.rejudge(scored)
    assert (run.generation, summary(scored)) == (2, ("QUEUED", "", 0.75, 0.5))
    assert on_board(contest) == [("alice", 0.75, 1)]  # while it is judged the earlier score stands
    score(BETTER)
    assert summary(scored) == ("FINISHED", "SCORED", 0.9, 0.8)
    assert on_board(contest) == [("alice", 0.9, 1)]
    assert on_board(contest, "final") == [("alice", 0.8, 1)]
    entry = BoardEntry.objects.get(board=board(contest))
    assert (entry.best_submission, entry.last_improved_at) == (scored, scored.created_at)


def test_every_score_that_ever_counted_is_kept(scored: Submission) -> None:
    rejudging.rejudge(scored)
    score(BETTER)
    assert list(Score.objects.order_by("generation").values_list("generation", "public")) == [
        (1, 0.75),
        (2, 0.9),
    ]
    assert [event.version for event in board(scored.contest).events.all()] == [1, 2]


def test_another_verdict_takes_the_score_away(contest: Contest, scored: Submission) -> None:
    rejudging.rejudge(scored)
    score(INVALID)
    assert summary(scored) == ("FINISHED", "INVALID_OUTPUT", None, None)
    assert on_board(contest) == on_board(contest, "final") == []
    event = ScoreEvent.objects.filter(board=board(contest)).order_by("-version")[0]
    assert (event.version, event.value, event.generation) == (2, None, 2)


def test_a_second_best_submission_comes_forward_when_the_best_loses_its_score(contest: Contest) -> None:
    alice = make_user()
    now = timezone.now()
    make_submission(contest, alice, status="FINISHED", kind="predictions", public_score=0.6)
    best = make_submission(
        contest, alice, status="FINISHED", kind="predictions", public_score=0.9, created_at=now
    )
    rejudging.rejudge(best)
    score(INVALID)
    assert on_board(contest) == [("alice", 0.6, 1)]


def test_a_score_that_was_taken_away_can_come_back(contest: Contest, scored: Submission) -> None:
    rejudging.rejudge(scored)
    score(INVALID)
    rejudging.rejudge(scored)
    score(BETTER)
    assert summary(scored) == ("FINISHED", "SCORED", 0.9, 0.8)
    assert on_board(contest) == [("alice", 0.9, 1)]


def test_a_rejudge_that_is_called_back_keeps_what_was_found_before(
    contest: Contest, scored: Submission
) -> None:
    finished_at = scored.finished_at
    rejudging.rejudge(scored)
    assert cancel.cancel(scored)
    assert summary(scored) == ("FINISHED", "SCORED", 0.75, 0.5)
    assert scored.finished_at == finished_at
    current = runs.current(scored)
    assert current is not None
    assert (current.generation, current.verdict) == (1, "SCORED")
    assert on_board(contest) == [("alice", 0.75, 1)]
    assert Host().claim("scoring") is None


def test_a_contestant_cannot_keep_a_score_by_calling_its_correction_back(
    contest: Contest, scored: Submission
) -> None:
    organiser = make_user("olga")
    contest.organisers.add(organiser)
    rejudging.rejudge(scored)
    client = Client()
    client.force_login(scored.user)
    answer = client.post(f"/submissions/{scored.pk}/cancel/")
    assert ["Only they can" in str(said) for said in get_messages(answer.wsgi_request)] == [True]
    headers = {"authorization": f"Token {make_api_token(scored.user)}"}
    path = f"/api/v1/submissions/{scored.pk}/cancel/"
    assert Client().post(path, headers=headers).status_code == 403
    assert summary(scored)[0] == "QUEUED"
    assert [cancel.may(user, scored) for user in (scored.user, organiser)] == [False, True]
    headers = {"authorization": f"Token {make_api_token(organiser)}"}
    assert Client().post(path, headers=headers).json()["cancelled"] is True
    assert summary(scored) == ("FINISHED", "SCORED", 0.75, 0.5)


def test_a_rejudge_that_fails_by_our_fault_keeps_what_was_found_before(
    contest: Contest, scored: Submission
) -> None:
    rejudging.rejudge(scored)
    host = Host()
    for name in ("host-1", "host-2", "host-3"):
        spec = Host(name=name).must_claim("scoring")
        body = {"attempt": spec.attempt, "reason": "the disk is full"}
        assert host.on_job("POST", spec, "give-back", body).status_code == 200
    assert Run.objects.get(generation=2).verdict == "INTERNAL_ERROR"
    assert summary(scored) == ("FINISHED", "SCORED", 0.75, 0.5)
    assert on_board(contest) == [("alice", 0.75, 1)]


def test_a_submission_that_failed_by_our_fault_is_judged_for_good(contest: Contest) -> None:
    failed = make_submission(contest, make_user(), status="FAILED", kind="predictions")
    rejudging.rejudge(failed)
    score(BETTER)
    assert summary(failed) == ("FINISHED", "SCORED", 0.9, 0.8)
    assert on_board(contest) == [("alice", 0.9, 1)]


@pytest.mark.parametrize("status", ["QUEUED", "RUNNING", "SCORING"])
def test_what_is_being_judged_is_not_judged_again(contest: Contest, status: str) -> None:
    submission = make_submission(contest, make_user(), status=status)
    with pytest.raises(rejudging.CannotRejudge, match="being judged"):
        rejudging.rejudge(submission)
    assert Run.objects.count() == 1


def test_a_second_rejudge_is_refused_while_the_first_is_under_way(scored: Submission) -> None:
    rejudging.rejudge(scored)
    with pytest.raises(rejudging.CannotRejudge, match="being judged"):
        rejudging.rejudge(scored)
    assert list(Run.objects.values_list("generation", flat=True).order_by("generation")) == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_of_many_rejudges_at_once_one_succeeds(scored: Submission) -> None:
    results = at_once(
        [lambda: rejudging.rejudge(Submission.objects.get(pk=scored.pk))] * 4,
        refusal=rejudging.CannotRejudge,
    )
    refused = [result.code for result in results if isinstance(result, rejudging.CannotRejudge)]
    assert refused == ["under_way"] * 3
    assert Run.objects.filter(submission=scored).count() == 2
    assert Job.objects.filter(run__generation=2).count() == 1


def test_it_is_judged_by_the_version_that_is_active_now(contest: Contest, scored: Submission) -> None:
    before = task_version_of(contest)
    draft = tasks.set_solution(before, make_blob(b"id,target,Usage\n3,0,Public\n4,0,Private\n"))
    make_check(draft)
    tasks.activate(draft)
    run = rejudging.rejudge(scored)
    assert (before.number, run.task_version.number) == (1, 2)
    inputs = {item.path: item.sha256 for item in Host().must_claim("scoring").inputs}
    assert inputs["/input/solution.csv"] == draft.solution_id


def test_a_script_runs_again_and_its_page_shows_the_new_log_and_files(
    contest: Contest, settings: Settings
) -> None:
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    submission = make_submission(
        contest,
        make_user(),
        status="FINISHED",
        verdict="RUNTIME_ERROR",
        log=b"old words",
        files={"old.txt": b"x"},
    )
    rejudging.rejudge(submission)
    host = Host()
    spec = host.must_claim()
    host.heartbeat(spec, log=b"new words")
    host.run_well(spec)
    score(BETTER)
    assert summary(submission) == ("FINISHED", "SCORED", 0.9, 0.8)
    assert logs.read(submission).text == "new words"
    current = runs.current(submission)
    assert current is not None
    assert [file.name for file in current.files.all()] == ["submission.csv"]
    host.client.force_login(submission.user)
    page = host.client.get(f"/submissions/{submission.pk}/").content.decode()
    assert "new words" in page
    assert "old words" not in page
    assert "Judged again" in page


def test_a_run_that_ends_badly_loses_the_score_too(contest: Contest) -> None:
    submission = make_submission(contest, make_user(), status="FINISHED", public_score=0.75)
    rejudging.rejudge(submission)
    host = Host()
    host.finish(host.must_claim(), facts=make_facts(exit_code=1))
    assert summary(submission) == ("FINISHED", "RUNTIME_ERROR", None, None)
    assert on_board(contest) == []


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "CANCELLED"])
def test_it_changes_no_quota(contest: Contest, status: str) -> None:
    alice = make_user()
    submission = make_submission(contest, alice, status=status, kind="predictions")
    before = used(alice, contest)
    rejudging.rejudge(submission)
    assert used(alice, contest) == before
    score(BETTER)
    assert used(alice, contest) == before


def used(user: User, contest: Contest) -> int:
    quota = quotas.quota(user, contest)
    assert quota is not None
    return quota.used_today


def test_a_whole_phase_is_judged_again_but_for_trials_and_what_was_called_back(contest: Contest) -> None:
    def one(name: str, status: str) -> Submission:
        return make_submission(contest, make_user(name), status=status, kind="predictions")

    again = [one("a", "FINISHED"), one("b", "FAILED")]
    left = [one("c", "CANCELLED"), one("d", "QUEUED"), one("e", "FINISHED")]
    Submission.objects.filter(pk=left[2].pk).update(trial=True)
    assert rejudging.rejudge_phase(phase_of(contest)) == 2
    assert {run.submission for run in Run.objects.filter(generation=2)} == set(again)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_rejudged_the_incremental_board_equals_the_rebuilt_one(seed: int) -> None:
    """Scores arrive, are replaced, are taken away and come back, in any order."""
    chance = random.Random(seed)
    contest = make_contest(metric="rmse" if seed % 2 else "accuracy")
    start = timezone.now() - datetime.timedelta(hours=2)
    people = [make_user(f"team{number}") for number in range(4)]
    handed_in: list[Submission] = []
    generations: dict[object, int] = {}
    for _ in range(60):
        if handed_in and chance.random() < 0.6:
            submission = chance.choice(handed_in)
            generation = generations[submission.pk] = generations[submission.pk] + 1
            if chance.random() < 0.4:
                boards.withdraw_score(submission=submission, generation=generation)
            else:
                count(submission, chance, generation)
        else:
            submission = make_submission(
                contest,
                chance.choice(people),
                status="FINISHED",
                kind="predictions",
                public_score=round(chance.random(), 1),
                private_score=round(chance.random(), 1),
                created_at=start + datetime.timedelta(minutes=chance.randrange(60)),
            )
            handed_in.append(submission)
            generations[submission.pk] = 1
    for audience in ("public", "final"):
        moved = board(contest, audience)
        incremental = boards.materialised(moved)
        assert incremental == boards.recomputed(moved)
        boards.rebuild(moved)
        assert boards.materialised(moved) == incremental
        versions = list(moved.events.values_list("version", flat=True))
        assert versions == list(range(1, len(versions) + 1))


def count(submission: Submission, chance: random.Random, generation: int) -> None:
    boards.count_score(
        submission=submission,
        task_version=task_version_of(submission.contest),
        public=round(chance.random(), 1),
        private=round(chance.random(), 1),
        feedback={},
        scorer_digest="0" * 64,
        environment="scoring",
        at=submission.created_at,
        generation=generation,
    )
