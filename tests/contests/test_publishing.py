"""A contest that is not ready stays hidden, and every reason is said at once."""

from __future__ import annotations

import pytest

from contests import publishing
from contests.models import Contest, DataFile, Task, TaskVersion
from tests.builders import make_contest, task_version_of

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


def test_a_complete_contest_is_published(draft: Contest) -> None:
    publishing.publish(draft)
    draft.refresh_from_db()
    assert draft.published


def test_a_task_with_hidden_features_cannot_be_published_yet_and_says_so(draft: Contest) -> None:
    version = task_version_of(draft)
    version.test_features_public = False
    version.save()
    (reason,) = reasons(draft)
    assert "hidden test features" in reason


def test_a_solution_that_is_also_a_data_file_is_never_published(draft: Contest) -> None:
    version = task_version_of(draft)
    DataFile.objects.create(task_version=version, name="answers.csv", blob=version.solution)
    (reason,) = reasons(draft)
    assert "solution" in reason


def test_every_reason_is_listed_at_once(draft: Contest) -> None:
    version = task_version_of(draft)
    version.metric, version.kinds, version.test_features_public = "guessing", [], False
    version.save()
    assert len(reasons(draft)) == 3


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
    version.pk, version.task = None, other
    version.save()
    (reason,) = reasons(draft)
    assert "several tasks" in reason


def test_a_contest_without_a_task_is_not_published() -> None:
    assert reasons(Contest.objects.create(slug="bare", title="Bare"))
