"""Hidden test features through the API: organisers send and list them; nobody else learns even their names."""

from __future__ import annotations

import pytest

from accounts.models import User
from contests.models import TaskVersion
from tests.api.test_organising import Caller, file
from tests.builders import join, make_contest, make_user

pytestmark = pytest.mark.django_db
HIDDEN = b"id,x\nr1,4\nr2,9\n"


@pytest.fixture
def task() -> str:
    """The address of a published contest's task, below the API."""
    contest = make_contest("leaves", kinds=["script"])
    contest.organisers.add(make_user("organiser"))
    version = TaskVersion.objects.get(task__phase__contest=contest)
    return f"contests/leaves/tasks/{version.task_id}"


@pytest.fixture
def organiser(task: str) -> Caller:
    return Caller(User.objects.get(username="organiser"))


def test_a_file_is_hidden_and_removing_the_last_one_makes_the_features_public(
    task: str, organiser: Caller
) -> None:
    said = organiser.form("put", f"{task}/hidden-files/test.csv", file=file("x", HIDDEN)).json()
    assert [(item["name"], item["size"]) for item in said["hidden_files"]] == [("test.csv", len(HIDDEN))]
    assert said["test_features_public"] is False
    said = organiser.send("delete", f"{task}/hidden-files/test.csv").json()
    assert (said["hidden_files"], said["test_features_public"]) == ([], True)


def test_limits_by_stage_and_explanations_are_set_and_mistakes_are_said(task: str, organiser: Caller) -> None:
    said = organiser.send(
        "patch", f"{task}/", {"stage_limits": {"train": {"wall_s": 99}}, "hidden_replies": 1}
    )
    assert said.status_code == 200, said.content
    assert (said.json()["stage_limits"], said.json()["hidden_replies"]) == ({"train": {"wall_s": 99}}, 1)
    refused = organiser.send("patch", f"{task}/", {"stage_limits": {"cook": {"wall_s": 99}}})
    assert refused.status_code == 400, refused.content
    assert "train, predict" in refused.json()["errors"]["stage_limits"][0]


def test_a_contestant_neither_lists_nor_fetches_nor_changes_them(task: str, organiser: Caller) -> None:
    assert organiser.form("put", f"{task}/hidden-files/secret.csv", file=file("x", HIDDEN)).status_code == 200
    version = TaskVersion.objects.filter(hidden_files__name="secret.csv").get()
    user = make_user("alice")
    join(version.task.phase.contest, user)
    alice, digest = Caller(user), version.hidden_files.get().blob_id
    for place in ("contests/leaves/", "contests/leaves/data/", "contests/leaves/data/secret.csv"):
        answer = alice.get(place)
        assert "secret.csv" not in answer.content.decode()
        assert digest not in answer.content.decode()
    assert alice.form("put", f"{task}/hidden-files/a.csv", file=file("x", b"1")).status_code in {403, 404}
