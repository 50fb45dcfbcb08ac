"""A check of a task: who may claim it, how it ends, and what its baselines add to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from compute.models import RunnerHost
from contests import check_texts, publishing
from contests.models import Check, Contest, StarterCode, Submission, TaskVersion
from judge import checking, feed, lease, queue, quotas, specification, trials
from judge.models import Job, Run
from leaderboard import boards
from leaderboard.models import Board, BoardEntry, Score, ScoreEvent
from runners.spec import RESULT_FILE, JobKind
from tests.builders import (
    make_contest,
    make_environment,
    make_facts,
    make_pool,
    make_starter,
    make_submission,
    make_user,
    task_version_of,
)
from tests.judge.host import Host
from tests.together import at_once

pytestmark = pytest.mark.django_db
ROWS = {"public": 20, "private": 20, "ignored": 0}
CLEAN: dict[str, Any] = {"findings": [], "notes": [], "rows": ROWS}
MISTAKE = {"code": "no_sample", "params": {}, "message": "There is no file sample_submission.csv."}


@pytest.fixture
def organiser() -> User:
    return make_user("olga")


@pytest.fixture
def contest() -> Contest:
    return make_contest(published=False)


@pytest.fixture
def version(contest: Contest) -> TaskVersion:
    return task_version_of(contest)


def answer(result: dict[str, Any] | bytes = CLEAN, name: str = "host-1") -> int:
    """Do the check job that waits and say what the checker found."""
    host = Host(name=name)
    content = result if isinstance(result, bytes) else json.dumps(result).encode()
    return host.finish(host.must_claim("scoring"), files={RESULT_FILE: content}).status_code


def baseline(contest: Contest, name: str = "baseline.py", **fields: Any) -> StarterCode:
    starter = make_starter(contest, name, **fields)
    starter.baseline = True
    starter.save()
    return starter


def test_a_clean_task_turns_green_and_may_be_published(
    contest: Contest, version: TaskVersion, organiser: User
) -> None:
    check = checking.start(version, organiser)
    assert check.status == "QUEUED"
    assert answer(CLEAN | {"notes": [MISTAKE]}) == 200
    check.refresh_from_db()
    assert (check.status, check.findings, check.notes, check.rows) == ("GREEN", [], [MISTAKE], ROWS)
    assert check.finished_at is not None
    publishing.publish(contest)


@pytest.mark.parametrize("rows", [ROWS, {}], ids=["counted", "a solution that cannot be counted"])
def test_a_task_with_mistakes_turns_red_and_stays_hidden(
    contest: Contest, version: TaskVersion, organiser: User, rows: dict[str, int]
) -> None:
    check = checking.start(version, organiser)
    assert answer(CLEAN | {"findings": [MISTAKE], "rows": rows}) == 200
    check.refresh_from_db()
    assert (check.status, check.findings, check.rows) == ("RED", [MISTAKE], rows)
    with pytest.raises(publishing.CannotPublish):
        publishing.publish(contest)


def test_the_job_has_labels_and_so_is_for_the_trusted_pool_alone(
    version: TaskVersion, organiser: User
) -> None:
    checking.start(version, organiser)
    host = Host()
    assert host.claim("cpu") is None
    spec = host.must_claim("scoring")
    assert spec.kind is JobKind.CHECK
    assert Check.objects.get().status == "RUNNING"
    assert sorted(item.path for item in spec.inputs) == [
        "/input/check.json",
        "/input/public/sample_submission.csv",
        "/input/public/test.csv",
        "/input/public/train.csv",
        "/input/solution.csv",
        "/submission/checker.pyz",
    ]
    for item in spec.inputs:
        assert host.on_job("GET", spec, f"blobs/{item.sha256}").status_code == 200
    job = Job.objects.get()
    job.pool = make_pool("cpu")
    with pytest.raises(specification.ForbiddenPool):
        specification.build(job, token="")


def test_a_second_start_is_given_the_check_that_is_under_way(version: TaskVersion, organiser: User) -> None:
    check = checking.start(version, organiser)
    assert checking.start(version, organiser) == check
    Host().must_claim("scoring")
    assert checking.start(version, organiser) == check
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_starts_at_once_one_makes_a_check(version: TaskVersion, organiser: User) -> None:
    made = at_once([lambda: checking.start(version, organiser).pk] * 4, refusal=checking.CannotCheck)
    assert (len(made), len(set(made)), Check.objects.count()) == (4, 1, 1)


def test_an_ended_check_may_be_followed_by_another(version: TaskVersion, organiser: User) -> None:
    first = checking.start(version, organiser)
    answer()
    second = checking.start(version, organiser)
    assert second != first
    assert publishing.latest_check(version) == second


def test_a_change_while_a_check_is_under_way_makes_it_worthless(
    version: TaskVersion, organiser: User
) -> None:
    checking.start(version, organiser)
    TaskVersion.objects.filter(pk=version.pk).update(metric="f1")
    answer()
    assert publishing.latest_check(task_version_of(version.task.phase.contest)) is None
    assert checking.start(task_version_of(version.task.phase.contest), organiser).status == "QUEUED"


def test_without_a_trusted_pool_there_is_no_check(version: TaskVersion, organiser: User) -> None:
    pool = make_pool("scoring")
    pool.trusted = False
    pool.save()
    with pytest.raises(checking.CannotCheck, match="trusted"):
        checking.start(version, organiser)
    assert not Check.objects.exists()


@pytest.mark.parametrize(
    "result", [b"not json", b"{}", b"[]", json.dumps(CLEAN | {"findings": [1]}).encode(), b"x" * 300_000]
)
def test_a_result_that_is_none_is_our_fault_and_is_tried_three_times(
    version: TaskVersion, organiser: User, result: bytes
) -> None:
    check = checking.start(version, organiser)
    for name in ("host-1", "host-2", "host-3"):
        assert answer(result, name) == 200
        check.refresh_from_db()
    assert (check.status, Job.objects.get().status) == ("FAILED", "FAILED")
    assert Host().claim("scoring") is None
    assert publishing.check_problem(version)


def test_a_checker_that_dies_is_tried_again_and_then_the_check_failed(
    version: TaskVersion, organiser: User
) -> None:
    check = checking.start(version, organiser)
    for attempt in (1, 2, 3):
        host = Host(name=f"host-{attempt}")
        spec = host.must_claim("scoring")
        assert spec.attempt == attempt
        host.finish(spec, facts=make_facts(exit_code=None, signal=9))
        check.refresh_from_db()
        assert check.status == ("QUEUED" if attempt < 3 else "FAILED")
    assert check.finished_at is not None


def test_a_check_whose_pool_lost_its_trust_fails_and_stands_in_nobodys_way(
    version: TaskVersion, organiser: User
) -> None:
    check = checking.start(version, organiser)
    pool = make_pool("scoring")
    pool.trusted = False
    pool.save()
    assert Host().claim("scoring") is None
    check.refresh_from_db()
    assert (check.status, Job.objects.get().status) == ("FAILED", "FAILED")


def test_the_sweep_ends_a_check_whose_last_agent_died(version: TaskVersion, organiser: User) -> None:
    check = checking.start(version, organiser)
    Host().must_claim("scoring")
    long_ago = check.created_at.replace(year=2001)
    RunnerHost.objects.update(heard_from=long_ago)
    Job.objects.update(attempt=3, lease_until=long_ago)
    assert lease.sweep() == 1
    check.refresh_from_db()
    assert check.status == "FAILED"


def test_its_turn_comes_by_who_started_it(contest: Contest, version: TaskVersion, organiser: User) -> None:
    checking.start(version, organiser)
    assert answer() == 200
    check = checking.start(version, organiser)  # the second; who waits behind it has had no turn
    waiting = make_submission(contest, make_user("bob"), kind="predictions")
    assert queue.order(make_pool("scoring").pk, 10) == [waiting.pk, None]
    spec = Host().must_claim("scoring")
    assert spec.kind is JobKind.SCORE
    assert waiting.runs.get().jobs.get().status == "RUNNING"
    assert Host().must_claim("scoring").kind is JobKind.CHECK
    assert check.jobs.get().status == "RUNNING"


def test_it_takes_a_place_in_the_queue_that_others_see(
    contest: Contest, version: TaskVersion, organiser: User
) -> None:
    Host().claim("scoring")  # the host has said what it can run
    checking.start(version, organiser)
    waiting = make_submission(contest, make_user("bob"), kind="predictions")
    assert queue.order(make_pool("scoring").pk, 10) == [None, waiting.pk]
    assert queue.position(waiting) == 2
    feed.queue_moved(make_pool("scoring").pk)  # tells submissions only


def test_its_log_is_kept_for_operators_and_told_nobody(version: TaskVersion, organiser: User) -> None:
    checking.start(version, organiser)
    host = Host()
    spec = host.must_claim("scoring")
    assert json.loads(host.heartbeat(spec, log=b"words").content)["log_offset"] == 5
    assert Job.objects.get().log_bytes == 5


def test_settings_that_cannot_work_are_found_without_a_file(version: TaskVersion, organiser: User) -> None:
    TaskVersion.objects.filter(pk=version.pk).update(
        kinds=[], limits={"wall_s": -1}, test_features_public=False
    )
    check = checking.start(TaskVersion.objects.get(pk=version.pk), organiser)
    assert [item["code"] for item in check.findings] == ["no_kinds", "hidden_without_file", "bad_limits"]
    answer(CLEAN | {"findings": [MISTAKE]})
    check.refresh_from_db()
    assert [item["code"] for item in check.findings][-1] == "no_sample"
    assert check.status == "RED"


def test_a_finding_is_read_in_the_readers_language() -> None:
    found = check_texts.finding("blank_cell", file="solution.csv", row=3, column="target")
    assert check_texts.sentence(found) == "solution.csv: Row 3, column “target”: the cell is empty."
    assert check_texts.sentence({"code": "from the future", "params": {}, "message": "Said."}) == "Said."
    assert check_texts.sentence({"code": "blank_cell", "params": {}, "message": "Said."}) == "Said."


# Baselines


def test_a_baseline_is_judged_for_real_and_counted_nowhere(
    contest: Contest, version: TaskVersion, organiser: User
) -> None:
    baseline(contest)
    make_starter(contest, "only_an_example.py", position=2)
    check = checking.start(version, organiser)
    trial = check.trials.get()
    assert (trial.trial, trial.filename, trial.user) == (True, "baseline.py", organiser)
    answer()
    check.refresh_from_db()
    assert check.status == "RUNNING"  # the baseline has not ended yet
    host = Host()
    host.run_well(host.must_claim())
    host.score_well(host.must_claim("scoring"))
    check.refresh_from_db()
    assert (check.status, check.findings) == ("GREEN", [])
    assert Score.objects.get().submission == trial
    assert not ScoreEvent.objects.exists()
    assert not BoardEntry.objects.exists()
    quota = quotas.quota(organiser, contest)
    assert quota is None or quota.used_total == 0


@pytest.mark.parametrize("check_first", [True, False])
def test_a_baseline_that_fails_turns_the_check_red_whoever_ends_last(
    contest: Contest, version: TaskVersion, organiser: User, *, check_first: bool
) -> None:
    baseline(contest)
    check = checking.start(version, organiser)
    steps: list[Callable[[], object]] = [answer, fail_the_run]
    for step in steps if check_first else reversed(steps):
        step()
    check.refresh_from_db()
    assert check.status == "RED"
    (finding,) = check.findings
    assert (finding["code"], finding["params"]) == ("baseline_runtime_error", {"file": "baseline.py"})
    assert check_texts.sentence(finding).startswith("baseline.py: ")


def fail_the_run() -> None:
    host = Host()
    host.finish(host.must_claim(), facts=make_facts(exit_code=1))


def test_all_baselines_are_handed_in_and_all_that_fail_are_named(
    contest: Contest, version: TaskVersion, organiser: User
) -> None:
    for position, name in enumerate(("a.py", "b.csv", "c.ipynb"), start=1):
        baseline(contest, name, position=position)
    check = checking.start(version, organiser)
    # Notebooks are not among the kinds of this task.
    assert sorted(check.trials.values_list("filename", flat=True)) == ["a.py", "b.csv"]
    fail_the_run()
    host = Host()
    for _job in range(2):
        spec = host.must_claim("scoring")
        invalid = {"ok": False, "errors": [{"code": "no_rows", "params": {}, "message": "none"}]}
        result = CLEAN if spec.kind is JobKind.CHECK else invalid
        host.finish(spec, files={RESULT_FILE: json.dumps(result).encode()})
    check.refresh_from_db()
    assert [(item["params"]["file"], item["code"]) for item in check.findings] == [
        ("a.py", "baseline_runtime_error"),
        ("b.csv", "baseline_invalid_output"),
    ]


def test_a_baseline_for_an_environment_that_is_not_offered_is_a_mistake(
    contest: Contest, version: TaskVersion, organiser: User
) -> None:
    baseline(contest, environment=make_environment("torch"))
    check = checking.start(version, organiser)
    assert [item["code"] for item in check.findings] == ["baseline_environment"]
    assert not check.trials.exists()


def test_a_check_that_failed_by_our_fault_is_not_green_when_its_baseline_ends_well(
    contest: Contest, version: TaskVersion, organiser: User
) -> None:
    baseline(contest)
    check = checking.start(version, organiser)
    for name in ("host-1", "host-2", "host-3"):
        answer(b"not json", name)
    host = Host()
    host.run_well(host.must_claim())
    host.score_well(host.must_claim("scoring"))
    check.refresh_from_db()
    assert check.status == "FAILED"


# Trials


def test_a_trial_is_taken_before_the_contest_opens_and_has_no_place_on_the_board(
    contest: Contest, version: TaskVersion, organiser: User
) -> None:
    contest.phases.update(starts_at=contest.created_at.replace(year=2999))
    trial = trials.try_out(user=organiser, version=version, blob=version.solution, filename="perfect.csv")
    host = Host()
    host.score_well(host.must_claim("scoring"))
    trial.refresh_from_db()
    assert (trial.verdict, trial.public_score) == ("SCORED", 0.75)
    assert Board.objects.get(audience="public").version == 0
    assert boards.rows(Board.objects.get(audience="public")) == []


def test_trials_of_one_organiser_share_a_team(version: TaskVersion, organiser: User) -> None:
    for name in ("a.csv", "b.csv"):
        trials.try_out(user=organiser, version=version, blob=version.solution, filename=name)
    assert Submission.objects.values("team").distinct().count() == 1
    assert Run.objects.count() == 2


def test_a_trial_of_a_kind_that_the_task_does_not_take_is_refused(
    version: TaskVersion, organiser: User
) -> None:
    with pytest.raises(trials.NotTaken):
        trials.try_out(user=organiser, version=version, blob=version.solution, filename="notes.txt")
    assert not Submission.objects.exists()
