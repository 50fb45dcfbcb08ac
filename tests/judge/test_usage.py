"""The usage curve as the site keeps it, and the sums by run, person and contest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contests.models import Submission
from judge import cancel, usage
from judge.models import Job, Run, UsageSample
from runners.spec import JobSpec
from runners.usage import MAX_POINTS, POINTS_A_CALL
from tests.builders import make_contest, make_facts, make_submission, make_user
from tests.judge.host import Host

pytestmark = pytest.mark.django_db
MIB = 1 << 20


@pytest.fixture
def submission() -> Submission:
    return make_submission(make_contest(), make_user())


@pytest.fixture
def spec(submission: Submission) -> JobSpec:
    return Host().must_claim()


def points(first: int, count: int, *, memory: int = 50 * MIB) -> list[list[Any]]:
    return [[at, at * 0.25, at * 0.2, memory + at, 1000, None, None] for at in range(first, first + count)]


def beat(spec: JobSpec, samples: list[list[Any]]) -> dict[str, Any]:
    answer = Host().heartbeat(spec, samples=samples)
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = json.loads(answer.content)
    return told


def kept(submission: Submission) -> list[float | None]:
    return [row[0] for row in usage.series(Run.objects.get(submission=submission)).rows]


def test_points_are_kept_once_and_in_order(submission: Submission, spec: JobSpec) -> None:
    assert beat(spec, points(0, 3))["samples"] == 3
    assert beat(spec, points(1, 4))["samples"] == 5
    assert beat(spec, points(0, 2))["samples"] == 5
    assert kept(submission) == [0, 1, 2, 3, 4]
    assert beat(spec, [])["samples"] == 5


def test_a_gap_is_answered_with_where_to_go_on(submission: Submission, spec: JobSpec) -> None:
    beat(spec, points(0, 2))
    assert beat(spec, points(4, 2))["samples"] == 2
    assert kept(submission) == [0, 1]


def test_the_end_of_the_curve_comes_with_the_finish(submission: Submission, spec: JobSpec) -> None:
    beat(spec, points(0, 2))
    body = {"attempt": spec.attempt, "facts": make_facts().as_json(), "samples": points(1, 3)}
    assert Host().on_job("POST", spec, "finish", body).status_code == 200
    assert kept(submission) == [0, 1, 2, 3]


def test_a_new_attempt_begins_a_new_curve(submission: Submission, spec: JobSpec) -> None:
    beat(spec, points(0, 5))
    Host().on_job("POST", spec, "give-back", {"attempt": 1, "reason": "x", "stopped": True})
    second = Host().must_claim()
    assert beat(second, points(0, 1))["samples"] == 1
    found = usage.series(Run.objects.get(submission=submission))
    assert (found.attempt, len(found.rows)) == (2, 1)


@pytest.mark.parametrize(
    "samples",
    [
        points(0, POINTS_A_CALL + 1),
        [[MAX_POINTS, 1.0, 1.0, 1, 1, None, None]],
        [[2, 0.1, 0.4, 1, 1, None, None]],  # back in time, behind what is there
        [[2, 9.0, 0.1, 1, 1, None, None]],
        [[2, 9.0, 9.0, 1 << 63, 1, None, None]],
        ["x"],
        5,
    ],
)
def test_a_host_that_tells_nonsense_is_refused_and_nothing_is_kept(
    submission: Submission, spec: JobSpec, samples: Any
) -> None:
    beat(spec, points(0, 2))
    before = Job.objects.values().get()
    answer = Host().heartbeat(spec, samples=samples)
    assert answer.status_code == 422
    assert json.loads(answer.content)["detail"][-1] == "."
    assert Job.objects.values().get() == before
    assert kept(submission) == [0, 1]


def test_a_host_cannot_fill_the_database(submission: Submission, spec: JobSpec) -> None:
    for first in range(0, MAX_POINTS, POINTS_A_CALL):
        beat(spec, points(first, POINTS_A_CALL))
    assert Host().heartbeat(spec, samples=points(MAX_POINTS, 1)).status_code == 422
    assert UsageSample.objects.count() == MAX_POINTS


def test_of_the_scorer_nothing_is_kept(submission: Submission, spec: JobSpec) -> None:
    Host().run_well(spec)
    scoring = Host().must_claim("scoring")
    assert beat(scoring, points(0, 2))["samples"] == MAX_POINTS
    assert not UsageSample.objects.exists()


def test_a_run_keeps_what_its_facts_say(submission: Submission, spec: JobSpec) -> None:
    beat(spec, points(0, 2, memory=999 * MIB))
    facts = make_facts(wall_s=7.5, cpu_s=6.5, memory_peak=90 * MIB, disk_peak=3 * MIB)
    Host().finish(spec, facts=facts)
    run = Run.objects.get()
    assert (run.wall_s, run.cpu_s, run.gpu_s) == (7.5, 6.5, 0.0)
    assert (run.memory_peak, run.disk_peak) == (90 * MIB, 3 * MIB)


def test_a_cancelled_run_keeps_what_its_heartbeats_told(submission: Submission, spec: JobSpec) -> None:
    used = {"wall_s": 3.0, "cpu_s": 2.0, "memory": 10 * MIB, "disk": 5}
    Host().heartbeat(spec, samples=points(0, 2), usage=used)
    assert cancel.cancel(submission)
    run = Run.objects.get()
    assert (run.wall_s, run.cpu_s) == (3.0, 2.0)
    assert (run.memory_peak, run.disk_peak) == (50 * MIB + 1, 1000)


def test_a_submission_cancelled_in_the_queue_has_used_nothing() -> None:
    submission = make_submission(make_contest(), make_user())
    assert cancel.cancel(submission)
    assert usage.of_user(submission.user) == usage.Totals(runs=0, wall_s=0.0, cpu_s=0.0, gpu_s=0.0)


def run_used(contest: Any, user: Any, wall_s: float, cpu_s: float, memory: int) -> None:
    submission = make_submission(contest, user, status="FINISHED", verdict="NO_OUTPUT")
    Run.objects.filter(submission=submission).update(wall_s=wall_s, cpu_s=cpu_s, memory_peak=memory)


def test_sums_by_person_and_contest_take_one_query_each() -> None:
    digits, other = make_contest("digits"), make_contest("other")
    alice, bob = make_user("alice"), make_user("bob")
    run_used(digits, alice, 10.0, 8.0, 5)
    run_used(digits, alice, 20.0, 12.0, 9)
    run_used(other, alice, 5.0, 5.0, 5)
    run_used(digits, bob, 100.0, 90.0, 7)
    make_submission(digits, bob, status="FINISHED", kind="predictions")
    with CaptureQueriesContext(connection) as asked:
        found = usage.by_contestant(digits)
    assert len(asked) == 1
    assert [(row.username, row.runs, row.wall_s, row.cpu_s, row.memory_peak) for row in found] == [
        ("bob", 1, 100.0, 90.0, 7),
        ("alice", 2, 30.0, 20.0, 9),
    ]
    assert usage.of_contest(digits) == usage.Totals(runs=3, wall_s=130.0, cpu_s=110.0, gpu_s=0.0)
    assert usage.of_user(alice) == usage.Totals(runs=3, wall_s=35.0, cpu_s=25.0, gpu_s=0.0)
    assert usage.of_user(alice, digits).runs == 2


def test_what_an_attempt_used_that_was_given_back_is_nobodys() -> None:
    submission = make_submission(make_contest(), make_user())
    host = Host()
    given_back = host.must_claim()
    host.heartbeat(given_back, usage={"wall_s": 300.0, "cpu_s": 200.0, "memory": MIB, "disk": 5})
    host.on_job("POST", given_back, "give-back", {"attempt": given_back.attempt, "reason": "no sandbox"})
    assert cancel.cancel(submission)
    assert usage.of_user(submission.user) == usage.Totals(runs=0, wall_s=0.0, cpu_s=0.0, gpu_s=0.0)
