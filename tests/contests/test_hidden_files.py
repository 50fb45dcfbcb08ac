"""Hidden features: kept beside the public files, copied with everything, never public and never the solution."""

from __future__ import annotations

from typing import Any

import pytest

from contests import copying, removal, tasks
from contests.models import Contest, HiddenFile, TaskVersion
from runners.spec import Limits
from tests.builders import TEST, make_blob, make_contest, make_submission, make_user, task_version_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft() -> TaskVersion:
    return task_version_of(make_contest(published=False))


def names(version: TaskVersion) -> list[str]:
    return list(version.hidden_files.values_list("name", flat=True))


def test_a_hidden_file_is_added_replaced_and_removed(draft: TaskVersion) -> None:
    assert names(draft) == []
    tasks.set_hidden_file(draft, "test.csv", make_blob(b"a"))
    tasks.set_hidden_file(draft, "test.csv", make_blob(b"b"))
    assert HiddenFile.objects.get().blob == make_blob(b"b")
    assert draft.hides_features
    tasks.remove_hidden_file(draft, "test.csv")
    tasks.remove_hidden_file(draft, "test.csv")
    assert names(draft) == []


def test_test_features_are_public_as_long_as_no_file_is_hidden(draft: TaskVersion) -> None:
    def said() -> bool:
        return TaskVersion.objects.get(pk=draft.pk).test_features_public

    tasks.set_hidden_file(draft, "test.csv", make_blob(b"a"))
    tasks.set_hidden_file(draft, "more.csv", make_blob(b"b"))
    assert not said()
    tasks.remove_hidden_file(draft, "test.csv")
    assert not said()
    tasks.remove_hidden_file(draft, "more.csv")
    assert said()


@pytest.mark.parametrize("name", ["", "a/b.csv", "..", "solution.csv"])
def test_its_name_is_as_good_as_that_of_a_public_file(draft: TaskVersion, name: str) -> None:
    with pytest.raises(tasks.InvalidTask):
        tasks.set_hidden_file(draft, name, make_blob(b"x"))
    assert names(draft) == []


def test_no_file_is_hidden_and_public_or_hidden_and_the_solution(draft: TaskVersion) -> None:
    with pytest.raises(tasks.InvalidTask, match="public already"):
        tasks.set_hidden_file(draft, "copy.csv", make_blob(TEST))
    with pytest.raises(tasks.InvalidTask, match="solution"):
        tasks.set_hidden_file(draft, "copy.csv", draft.solution)
    tasks.set_hidden_file(draft, "test.csv", make_blob(b"hidden"))
    with pytest.raises(tasks.InvalidTask, match="hidden file"):
        tasks.set_file(draft, "given.csv", make_blob(b"hidden"))
    with pytest.raises(tasks.InvalidTask, match="solution"):
        tasks.set_solution(draft, make_blob(b"hidden"))


def test_the_next_version_of_a_task_has_its_hidden_files_and_limits_by_stage(draft: TaskVersion) -> None:
    tasks.set_hidden_file(draft, "test.csv", make_blob(b"hidden"))
    tasks.revise(draft, stage_limits={"train": Limits(wall_s=9).as_json()}, hidden_replies=2)
    make_submission(draft.task.phase.contest, make_user())
    changed = tasks.revise(draft, metric="f1")
    assert changed.pk != draft.pk
    assert names(changed) == ["test.csv"]
    assert (changed.stage_limits["train"]["wall_s"], changed.hidden_replies) == (9, 2)
    tasks.remove_hidden_file(changed, "test.csv")
    assert (names(changed), names(draft)) == ([], ["test.csv"])


def test_a_copied_contest_has_them_and_a_removed_one_takes_them_along(draft: TaskVersion) -> None:
    tasks.set_hidden_file(draft, "test.csv", make_blob(b"hidden"))
    copied = copying.copy_contest(draft.task.phase.contest, who=make_user("organiser"))
    assert names(task_version_of(copied)) == ["test.csv"]
    removal.remove_contest(Contest.objects.get(pk=draft.task.phase.contest_id))
    assert HiddenFile.objects.get().task_version == task_version_of(copied)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"stage_limits": {"rehearse": {}}}, "stage_limits"),
        ({"stage_limits": {"train": {"wall_s": -1}}}, "stage_limits"),
        ({"stage_limits": {"train": {"speed": 1}}}, "stage_limits"),
        ({"stage_limits": {"train": 5}}, "stage_limits"),
        ({"stage_limits": []}, "stage_limits"),
        ({"hidden_replies": -1}, "hidden_replies"),
        ({"hidden_replies": 101}, "hidden_replies"),
        ({"hidden_replies": True}, "hidden_replies"),
    ],
)
def test_limits_by_stage_and_the_number_of_replies_are_checked(
    draft: TaskVersion, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(tasks.InvalidTask) as refused:
        tasks.revise(draft, **fields)
    assert [name for name, _sentence in refused.value.messages] == [field]
