"""A contest that is not ready stays hidden, and every reason is said at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contests import publishing
from contests.models import Contest, DataFile, HiddenFile, StarterCode, Task, TaskVersion
from runners.spec import Limits
from tests.builders import (
    make_blob,
    make_check,
    make_contest,
    make_environment,
    make_starter,
    task_version_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft() -> Contest:
    return make_contest(published=False)


def reasons(contest: Contest) -> list[str]:
    with pytest.raises(publishing.CannotPublish) as caught:
        publishing.publish(contest)
    contest.refresh_from_db()
    assert not contest.published
    return caught.value.messages


def test_a_complete_contest_with_a_green_check_is_published(draft: Contest) -> None:
    make_check(task_version_of(draft))
    publishing.publish(draft)
    draft.refresh_from_db()
    assert draft.published


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("", "never checked"),
        ("QUEUED", "not ended"),
        ("RUNNING", "not ended"),
        ("RED", "mistakes"),
        ("FAILED", "failed"),
    ],
)
def test_a_contest_whose_check_is_not_green_stays_hidden(draft: Contest, status: str, word: str) -> None:
    if status:
        make_check(task_version_of(draft), status=status)
    (reason,) = reasons(draft)
    assert word in reason


def test_of_several_checks_the_newest_decides(draft: Contest) -> None:
    make_check(task_version_of(draft))
    make_check(task_version_of(draft), status="RED")
    (reason,) = reasons(draft)
    assert "mistakes" in reason
    make_check(task_version_of(draft))
    publishing.publish(draft)


def update(version: TaskVersion, **fields: object) -> None:
    TaskVersion.objects.filter(pk=version.pk).update(**fields)


def make_baseline(version: TaskVersion) -> None:
    starter = make_starter(version.task.phase.contest)
    starter.baseline = True
    starter.save()


CHANGES: dict[str, Callable[[TaskVersion], object]] = {
    "metric": lambda version: update(version, metric="balanced_accuracy"),
    "metric settings": lambda version: update(version, metric="f1", metric_params={"average": "micro"}),
    "id column": lambda version: update(version, id_column="row"),
    "target columns": lambda version: update(version, target_columns=["other"]),
    "kinds": lambda version: update(version, kinds=["script"]),
    "limits": lambda version: update(version, limits=Limits(wall_s=5).as_json()),
    "share": lambda version: update(version, public_share=50),
    "environment": lambda version: update(version, environment=make_environment("torch")),
    "offered environments": lambda version: version.environments.add(make_environment("torch")),
    "scoring environment": lambda version: update(
        version, scoring_environment=make_environment("scoring", "new")
    ),
    "solution": lambda version: update(version, solution=make_blob(b"other")),
    "a file": lambda version: version.files.filter(name="train.csv").update(blob=make_blob(b"other")),
    "a file less": lambda version: version.files.filter(name="train.csv").delete(),
    "a name": lambda version: version.files.filter(name="train.csv").update(name="learn.csv"),
    "a baseline": make_baseline,
    "limits of a stage": lambda version: update(version, stage_limits={"train": Limits(wall_s=5).as_json()}),
    "a hidden file": lambda version: HiddenFile.objects.create(
        task_version=version, name="test.csv", blob=make_blob(b"hidden")
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_is_changed_after_the_check_must_be_checked_again(
    draft: Contest, change: Callable[[TaskVersion], object]
) -> None:
    make_check(task_version_of(draft))
    change(task_version_of(draft))
    assert any("changed after its last check" in reason for reason in reasons(draft))


def test_words_and_dates_may_be_changed_after_the_check(draft: Contest) -> None:
    version = task_version_of(draft)
    make_check(version)
    Contest.objects.filter(pk=draft.pk).update(description="New words", rules="Be kind")
    version.task.phase.daily_limit = 3
    version.task.phase.save()
    make_starter(draft, "an_example.py")
    publishing.publish(draft)


def hide_features(version: TaskVersion, name: str = "test.csv", **fields: object) -> None:
    changes = {"test_features_public": False, "kinds": ["script", "project"]} | fields
    TaskVersion.objects.filter(pk=version.pk).update(**changes)
    HiddenFile.objects.create(task_version=version, name=name, blob=make_blob(b"id,x\n3,0.9\n4,0.1\n"))


def test_a_task_with_hidden_features_and_samples_of_them_can_be_published(draft: Contest) -> None:
    hide_features(task_version_of(draft))
    make_check(task_version_of(draft))
    publishing.publish(draft)
    assert Contest.objects.get(pk=draft.pk).published


def test_projects_need_no_sample_of_hidden_features(draft: Contest) -> None:
    hide_features(task_version_of(draft), "features.csv", kinds=["project"])
    make_check(task_version_of(draft))
    publishing.publish(draft)


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("test.csv", {"test_features_public": True}, "said to be public"),
        ("test.csv", {"kinds": ["predictions", "script"]}, "Nobody can hand in predictions"),
        ("features.csv", {}, "no public file of the same name"),
    ],
)
def test_hidden_features_that_are_not_hidden_or_cannot_be_tried_are_not_published(
    draft: Contest, name: str, fields: dict[str, object], words: str
) -> None:
    hide_features(task_version_of(draft), name, **fields)
    make_check(task_version_of(draft))
    (reason,) = reasons(draft)
    assert words in reason


def test_hidden_features_without_a_file_are_not_published(draft: Contest) -> None:
    hide_features(task_version_of(draft))
    HiddenFile.objects.all().delete()
    make_check(task_version_of(draft))
    (reason,) = reasons(draft)
    assert "there is no hidden file" in reason


@pytest.mark.parametrize("where", ["data", "starter", "solution"])
def test_a_hidden_file_that_is_handed_out_is_never_published(draft: Contest, where: str) -> None:
    version = task_version_of(draft)
    hide_features(version)
    hidden = HiddenFile.objects.get().blob
    if where == "data":
        DataFile.objects.create(task_version=version, name="copy.csv", blob=hidden)
    elif where == "starter":
        StarterCode.objects.create(contest=draft, name="x.csv", title="x", blob=hidden)
    else:
        HiddenFile.objects.update(blob=version.solution)
    make_check(task_version_of(draft))
    (reason,) = reasons(draft)
    assert ("solution" if where == "solution" else "handed out") in reason


def test_a_solution_that_is_also_a_data_file_is_never_published(draft: Contest) -> None:
    version = task_version_of(draft)
    DataFile.objects.create(task_version=version, name="answers.csv", blob=version.solution)
    make_check(version)
    (reason,) = reasons(draft)
    assert "solution" in reason


def test_every_reason_is_listed_at_once(draft: Contest) -> None:
    version = task_version_of(draft)
    version.metric, version.kinds, version.test_features_public = "guessing", [], False
    version.save()
    assert len(reasons(draft)) == 4  # and it was never checked


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("metric_params", {"average": "macro"}, "average"),
        ("target_columns", [], "target"),
        ("target_columns", ["id"], "id"),
        ("limits", {"wall_s": -1}, "wall_s"),
        ("limits", {"nonsense": 1}, "nonsense"),
        ("limits", {"output_mb": 100_000}, "256 MB"),
    ],
)
def test_a_task_that_could_not_be_judged_is_not_published(
    draft: Contest, field: str, value: object, word: str
) -> None:
    TaskVersion.objects.filter(pk=task_version_of(draft).pk).update(**{field: value})
    assert word in " ".join(reasons(draft))


def test_two_tasks_in_one_phase_are_refused_until_they_can_have_boards(draft: Contest) -> None:
    version = task_version_of(draft)
    other = Task.objects.create(phase=version.task.phase, slug="other", title="Other")
    make_check(version)
    version.pk, version.task = None, other
    version.save()
    make_check(version)
    (reason,) = reasons(draft)
    assert "several tasks" in reason


def test_a_contest_without_a_task_is_not_published() -> None:
    assert reasons(Contest.objects.create(slug="bare", title="Bare"))
