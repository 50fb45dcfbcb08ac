"""Making and changing a task: everything wrong is said at once, and nothing that was judged by is ever changed."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from contests import publishing, tasks
from contests.models import Contest, DataFile, Phase, TaskVersion
from runners.spec import Limits
from tests.builders import (
    SAMPLE,
    SOLUTION,
    make_blob,
    make_check,
    make_contest,
    make_environment,
    make_pool,
    make_submission,
    make_user,
    task_version_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def phase() -> Phase:
    make_pool("scoring", trusted=True)
    make_pool("cpu")
    for name in ("python", "scoring"):
        make_environment(name)
    contest = Contest.objects.create(slug="new", title="New")
    return Phase.objects.create(contest=contest, starts_at=timezone.now())


def fields_of(error: tasks.InvalidTask) -> list[str]:
    assert all(sentence for _field, sentence in error.messages)
    return [field for field, _sentence in error.messages]


def refused(phase: Phase, **fields: Any) -> list[str]:
    given: dict[str, Any] = {"title": "Main", "metric": "accuracy", "solution": make_blob(SOLUTION)} | fields
    with pytest.raises(tasks.InvalidTask) as caught:
        tasks.create_task(phase, **given)
    assert not TaskVersion.objects.exists()
    return fields_of(caught.value)


def test_a_title_a_metric_and_a_solution_make_a_task(phase: Phase) -> None:
    version = tasks.create_task(phase, title="Main task", metric="accuracy", solution=make_blob(SOLUTION))
    assert (version.number, version.active, version.task.slug) == (1, True, "main-task")
    assert (version.pool.slug, version.environment.name, version.scoring_environment.name) == (
        "cpu",
        "python",
        "scoring",
    )
    assert list(version.environments.all()) == [version.environment]
    assert version.limits == Limits().as_json()


def test_everything_wrong_is_said_at_once(phase: Phase) -> None:
    assert refused(
        phase,
        kinds=["poems"],
        id_column="",
        target_columns=[],
        limits={"wall_s": 0, "memory_mb": 1.5},
        public_share=101,
        split_seed=-1,
    ) == [
        "kinds",
        "id_column",
        "target_columns",
        "limits",
        "limits",
        "public_share",
        "split_seed",
    ]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": " "}, "title"),
        ({"slug": "Not a slug"}, "slug"),
        ({"metric": "luck"}, "metric"),
        ({"metric": ""}, "metric"),
        ({"solution": None}, "solution"),
        ({"kinds": []}, "kinds"),
        ({"kinds": "script"}, "kinds"),
        ({"metric_params": {"average": "macro"}}, "metric_params"),
        ({"metric": "f1", "metric_params": {"average": "best"}}, "metric_params"),
        ({"metric": "f1", "metric_params": "macro"}, "metric_params"),
        ({"target_columns": ["a", "b"]}, "target_columns"),
        ({"target_columns": ["id"]}, "target_columns"),
        ({"target_columns": ["Usage"]}, "target_columns"),
        ({"target_columns": ["a\nb"]}, "target_columns"),
        ({"target_columns": [7]}, "target_columns"),
        ({"id_column": "x" * 101}, "id_column"),
        ({"limits": {"nonsense": 1}}, "limits"),
        ({"limits": {"output_mb": 100_000}}, "limits"),
        ({"limits": {"wall_s": float("nan")}}, "limits"),
        ({"limits": {"wall_s": True}}, "limits"),
        ({"limits": []}, "limits"),
        ({"public_share": 0}, "public_share"),
        ({"public_share": 12.5}, "public_share"),
        ({"public_share": True}, "public_share"),
        ({"split_seed": 2**31}, "split_seed"),
    ],
)
def test_a_field_that_cannot_work_is_named(phase: Phase, fields: dict[str, Any], field: str) -> None:
    assert refused(phase, **fields) == [field]


def test_contestants_programs_never_run_where_labels_are(phase: Phase) -> None:
    assert refused(phase, pool=make_pool("scoring")) == ["pool"]


def test_two_tasks_of_a_phase_have_different_names(phase: Phase) -> None:
    tasks.create_task(phase, title="Main", metric="accuracy", solution=make_blob(SOLUTION))
    with pytest.raises(tasks.InvalidTask) as caught:
        tasks.create_task(phase, title="Main", metric="accuracy", solution=make_blob(SOLUTION))
    assert fields_of(caught.value) == ["slug"]


def test_a_site_without_pools_or_environments_says_whom_to_ask() -> None:
    contest = Contest.objects.create(slug="bare", title="Bare")
    phase = Phase.objects.create(contest=contest, starts_at=timezone.now())
    assert refused(phase) == ["pool", "environment", "scoring_environment"]


def test_a_field_that_does_not_exist_is_the_programmers_mistake(phase: Phase) -> None:
    with pytest.raises(TypeError, match="colour"):
        tasks.create_task(phase, title="x", metric="accuracy", solution=make_blob(), colour="red")


# Changing


@pytest.fixture
def draft() -> TaskVersion:
    return task_version_of(make_contest(published=False))


@pytest.fixture
def live() -> TaskVersion:
    return task_version_of(make_contest())


def test_a_task_nobody_handed_in_to_is_changed_in_place(draft: TaskVersion) -> None:
    changed = tasks.revise(draft, metric="f1", metric_params={"average": "micro"})
    assert changed.pk == draft.pk
    changed.refresh_from_db()
    assert (changed.metric, changed.number, changed.active) == ("f1", 1, True)


def test_a_change_that_cannot_work_changes_nothing(draft: TaskVersion) -> None:
    with pytest.raises(tasks.InvalidTask):
        tasks.revise(draft, metric="luck")
    assert task_version_of(draft.task.phase.contest).metric == "accuracy"


def test_trials_do_not_make_a_new_version(draft: TaskVersion) -> None:
    trial = make_submission(draft.task.phase.contest, make_user())
    trial.trial = True
    trial.save()
    assert tasks.revise(draft, split_seed=3).pk == draft.pk


def test_a_version_that_was_handed_in_to_is_never_changed(draft: TaskVersion) -> None:
    submission = make_submission(draft.task.phase.contest, make_user())
    changed = tasks.revise(draft, metric="f1")
    assert (changed.number, changed.active, changed.metric) == (2, True, "f1")
    before = submission.runs.get().task_version
    assert (before.number, before.active, before.metric) == (1, False, "accuracy")
    assert names(changed) == names(before) == ["sample_submission.csv", "test.csv", "train.csv"]
    assert list(changed.environments.all()) == list(before.environments.all())


def names(version: TaskVersion) -> list[str]:
    return list(version.files.values_list("name", flat=True))


def test_a_change_in_a_published_contest_waits_as_a_draft_until_its_check_is_green(live: TaskVersion) -> None:
    changed = tasks.revise(live, metric="f1")
    assert (changed.number, changed.active) == (2, False)
    assert task_version_of(live.task.phase.contest).metric == "accuracy"
    with pytest.raises(publishing.CannotPublish, match="never checked"):
        tasks.activate(changed)
    make_check(changed, status="RED")
    with pytest.raises(publishing.CannotPublish, match="mistakes"):
        tasks.activate(changed)
    make_check(changed)
    tasks.activate(changed)
    assert task_version_of(live.task.phase.contest) == changed
    assert TaskVersion.objects.filter(active=True).count() == 1


def test_a_new_task_of_a_published_contest_waits_as_a_draft_until_its_check_is_green(
    live: TaskVersion,
) -> None:
    contest = live.task.phase.contest
    later = contest.phases.create(title="Later", starts_at=timezone.now(), position=9)
    version = tasks.create_task(later, title="New", metric=live.metric, solution=live.solution)
    assert not version.active
    with pytest.raises(publishing.CannotPublish, match="never checked"):
        tasks.activate(version)
    make_check(version)
    tasks.activate(version)
    assert version.active


def test_a_phase_of_a_published_contest_gets_no_second_task(live: TaskVersion) -> None:
    version = tasks.create_task(live.task.phase, title="Second", metric=live.metric, solution=live.solution)
    make_check(version)
    with pytest.raises(publishing.CannotPublish, match="several tasks"):
        tasks.activate(version)


def test_several_changes_of_a_published_contest_go_into_one_draft(live: TaskVersion) -> None:
    first = tasks.revise(live, metric="f1")
    second = tasks.set_file(live, "hints.csv", make_blob(b"id\n"))
    third = tasks.remove_file(second, "train.csv")
    assert first.pk == second.pk == third.pk
    assert names(third) == ["hints.csv", "sample_submission.csv", "test.csv"]
    assert names(live) == ["sample_submission.csv", "test.csv", "train.csv"]


def test_a_draft_can_be_checked_and_changed_again(live: TaskVersion) -> None:
    changed = tasks.revise(live, metric="f1")
    make_check(changed)
    tasks.revise(changed, metric="balanced_accuracy")
    with pytest.raises(publishing.CannotPublish, match="changed after"):
        tasks.activate(changed)


def test_an_earlier_version_can_be_activated_again(draft: TaskVersion) -> None:
    make_submission(draft.task.phase.contest, make_user())
    tasks.revise(draft, metric="f1")
    tasks.activate(draft)
    assert task_version_of(draft.task.phase.contest) == draft


# Files


def test_a_file_is_added_replaced_and_removed(draft: TaskVersion) -> None:
    tasks.set_file(draft, "hints.csv", make_blob(b"a"))
    tasks.set_file(draft, "hints.csv", make_blob(b"b"))
    assert DataFile.objects.get(name="hints.csv").blob == make_blob(b"b")
    tasks.remove_file(draft, "hints.csv")
    tasks.remove_file(draft, "hints.csv")
    assert "hints.csv" not in names(draft)


@pytest.mark.parametrize(
    "name",
    ["", ".hidden", "a/b.csv", "..", "ä.csv", "a b.csv", "x" * 101, "a\n.csv", "Train.csv", "solution.csv"],
)
def test_a_name_that_is_no_good_everywhere_is_refused(draft: TaskVersion, name: str) -> None:
    with pytest.raises(tasks.InvalidTask) as caught:
        tasks.set_file(draft, name, make_blob(b"x"))
    assert fields_of(caught.value) == ["name"]
    assert names(draft) == ["sample_submission.csv", "test.csv", "train.csv"]


def test_the_solution_never_becomes_a_public_file_nor_a_public_file_the_solution(draft: TaskVersion) -> None:
    with pytest.raises(tasks.InvalidTask, match="solution"):
        tasks.set_file(draft, "answers.csv", draft.solution)
    with pytest.raises(tasks.InvalidTask, match="public"):
        tasks.set_solution(draft, make_blob(SAMPLE))
    assert tasks.set_solution(draft, make_blob(b"id,target,Usage\n")).pk == draft.pk
