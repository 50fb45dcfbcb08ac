"""An organiser who never opens the admin: from an empty site to a published contest and its rejudges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.models import User
from contests.models import Contest, Participation, Submission, TaskVersion
from judge import checking
from tests.builders import (
    SAMPLE,
    SOLUTION,
    TEST,
    TRAIN,
    join,
    make_api_token,
    make_contest,
    make_environment,
    make_pool,
    make_submission,
    make_user,
    phase_of,
    task_version_of,
)

pytestmark = pytest.mark.django_db
JSON = "application/json"


class Caller:
    """An API client of one person."""

    def __init__(self, user: User) -> None:
        self.headers = {"authorization": f"Token {make_api_token(user)}", "accept-language": "en"}

    def get(self, path: str, **query: str) -> Any:
        return Client().get(f"/api/v1/{path}", query, headers=self.headers)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        call = getattr(Client(), method)
        return call(f"/api/v1/{path}", body or {}, content_type=JSON, headers=self.headers)

    def form(self, method: str, path: str, **fields: Any) -> Any:
        body = encode_multipart(BOUNDARY, fields)
        return Client().generic(
            method.upper(), f"/api/v1/{path}", body, MULTIPART_CONTENT, headers=self.headers
        )


def file(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


@pytest.fixture
def organiser() -> Caller:
    user = make_user("olga")
    user.is_staff = True
    user.save()
    return Caller(user)


@pytest.fixture
def site() -> None:
    """What an operator has set up: pools and environments."""
    make_pool("cpu")
    make_pool("scoring", trusted=True)
    make_environment("python")
    make_environment("scoring")


def test_a_contest_is_made_checked_and_published_by_the_api_alone(organiser: Caller, site: None) -> None:
    made = organiser.send(
        "post", "contests/", {"slug": "autumn", "title": "Autumn", "registration": "invite"}
    )
    assert (made.status_code, made.json()["published"], made.json()["organised_by_me"]) == (201, False, True)
    assert len(made.json()["invite_code"]) == 10
    phase = organiser.send("post", "contests/autumn/phases/", {"starts_at": "2026-01-01T00:00:00Z"}).json()
    assert (phase["position"], phase["daily_limit"], phase["ends_at"]) == (1, 50, None)
    task = organiser.form(
        "post",
        "contests/autumn/tasks/",
        phase=phase["id"],
        title="Leaves",
        kinds=["predictions", "script"],
        metric="accuracy",
        limits='{"wall_s": 30}',
        solution=file("solution.csv", SOLUTION),
        files=[file("test.csv", TEST), file("sample_submission.csv", SAMPLE)],
    )
    assert task.status_code == 201, task.content
    said = task.json()
    assert (said["slug"], said["version"], said["active"], said["limits"]["wall_s"]) == (
        "leaves",
        1,
        True,
        30,
    )
    assert [each["name"] for each in said["files"]] == ["sample_submission.csv", "test.csv"]
    tasks = f"contests/autumn/tasks/{said['id']}"
    put = organiser.form("put", f"{tasks}/files/train.csv", file=file("x", TRAIN))
    assert len(put.json()["files"]) == 3

    refused = organiser.send("post", "contests/autumn/publish/")
    assert refused.status_code == 409
    assert any("never checked" in sentence for sentence in refused.json()["errors"]["contest"])
    check = organiser.send("post", f"{tasks}/check/")
    assert (check.status_code, check.json()["status"], check.json()["current"]) == (202, "QUEUED", True)
    assert organiser.get(f"{tasks}/check/").json()["id"] == check.json()["id"]

    version = TaskVersion.objects.get(task__slug="leaves")
    checking.record_passed(version, {"findings": [], "notes": [], "rows": {"public": 1, "private": 1}})
    published = organiser.send("post", "contests/autumn/publish/")
    assert (published.status_code, published.json()["published"]) == (200, True)
    assert Client().get("/api/v1/contests/autumn/").json()["invite_code"] is None
    assert organiser.send("post", "contests/autumn/withdraw/").json()["published"] is False
    assert Client().get("/api/v1/contests/autumn/").status_code == 404


def test_everything_wrong_with_a_task_is_said_at_once(organiser: Caller, site: None) -> None:
    contest = make_contest("empty", published=False)
    contest.organisers.add(User.objects.get(username="olga"))
    answer = organiser.form(
        "post",
        "contests/empty/tasks/",
        phase=phase_of(contest).pk,
        title="Two",
        metric="accuracy",
        target_columns=["id"],
        limits='{"pids": 0, "memory_mb": "much"}',
        public_share="30",
        solution=file("solution.csv", SOLUTION),
    )
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"target_columns", "limits"}
    assert len(answer.json()["errors"]["limits"]) == 2
    assert TaskVersion.objects.filter(task__phase__contest=contest).count() == 1


@pytest.fixture
def contest(organiser: Caller) -> Contest:
    made = make_contest("running", starters={"a.py": b"1"})
    made.organisers.add(User.objects.get(username="olga"))
    return made


def test_a_version_that_was_used_stays_and_the_change_is_a_draft(organiser: Caller, contest: Contest) -> None:
    make_submission(contest, make_user("carl"))
    task = f"contests/running/tasks/{task_version_of(contest).task_id}"
    changed = organiser.send("patch", f"{task}/", {"limits": {"wall_s": 7}, "title": "Renamed"}).json()
    assert (changed["version"], changed["active"], changed["title"]) == (2, False, "Renamed")
    assert changed["limits"]["wall_s"] == 7
    assert changed["limits"]["memory_mb"] == 2048
    refused = organiser.send("post", f"{task}/activate/")
    assert (refused.status_code, refused.json()["code"]) == (409, "cannot_publish")
    draft = TaskVersion.objects.get(task__phase__contest=contest, number=2)
    checking.record_passed(draft, {"findings": [], "notes": [], "rows": {}})
    assert organiser.send("post", f"{task}/activate/").json()["active"] is True
    assert len(organiser.get("contests/running/tasks/").json()["results"]) == 2
    assert organiser.send("delete", f"{task}/").status_code == 409


def test_findings_come_as_code_params_and_a_sentence(organiser: Caller, contest: Contest) -> None:
    version = task_version_of(contest)
    version.checks.create(
        digest="0" * 64, findings=[{"code": "nobody_knows", "params": {"row": 3}, "message": "Row 3 is odd."}]
    )
    check = organiser.get(f"contests/running/tasks/{version.task_id}/check/").json()
    assert check["current"] is False
    assert check["findings"] == [{"code": "nobody_knows", "params": {"row": 3}, "message": "Row 3 is odd."}]


def test_starter_code_is_put_replaced_and_removed(organiser: Caller, contest: Contest) -> None:
    path = "contests/running/starter/ridge.py"
    assert organiser.form("put", path, file=file("x", b"1"), baseline="true").json()["baseline"] is True
    again = organiser.form("put", path, file=file("x", b"22"), title="Ridge").json()
    assert (again["size"], again["title"], again["baseline"]) == (2, "Ridge", True)
    words = organiser.form("put", path, title="Ridge, as a start").json()
    assert (words["size"], words["title"]) == (2, "Ridge, as a start")
    assert organiser.form("put", "contests/running/starter/new.py", title="New").json()["code"] == "no_file"
    assert (
        organiser.form("put", "contests/running/starter/ridge.exe", file=file("x", b"1")).status_code == 400
    )
    assert organiser.send("delete", path).status_code == 204
    assert organiser.get(path).status_code == 404


def test_people_are_approved_and_refused(organiser: Caller, contest: Contest) -> None:
    Contest.objects.update(registration=Contest.Registration.APPROVAL)
    dora = Caller(make_user("dora"))
    assert dora.send("post", "contests/running/join/").json()["state"] == "pending"
    (waiting,) = organiser.get("contests/running/participants/", state="pending").json()["results"]
    assert waiting["username"] == "dora"
    path = f"contests/running/participants/{waiting['id']}/"
    assert organiser.send("patch", path, {"state": "active"}).json()["state"] == "active"
    assert dora.get("contests/running/participation/").json()["may_submit"] is True
    assert organiser.send("patch", path, {"state": "refused"}).json()["state"] == "refused"
    assert dora.get("contests/running/participation/").json()["code"] == "refused"
    assert organiser.send("patch", path, {"state": "pending"}).status_code == 400
    assert dora.get("contests/running/participants/").status_code == 403


def test_an_organiser_sees_every_submission_and_finds_one_persons(
    organiser: Caller, contest: Contest
) -> None:
    for name in ("ed", "flo"):
        make_submission(contest, make_user(name))
    assert organiser.get("contests/running/submissions/").json()["count"] == 2
    (flos,) = organiser.get("contests/running/submissions/", user="flo").json()["results"]
    assert flos["user"] == "flo"
    team = str(flos["team_id"])
    assert organiser.get("contests/running/submissions/", team=team).json()["count"] == 1
    assert organiser.get("submissions/").json()["count"] == 0


def test_a_trial_is_judged_and_counted_nowhere(organiser: Caller, contest: Contest) -> None:
    path = f"contests/running/tasks/{task_version_of(contest).task_id}/trial/"
    answer = organiser.form("post", path, file=file("try.py", b"print(1)"))
    assert (answer.status_code, answer.json()["trial"], answer.json()["status"]) == (201, True, "QUEUED")
    assert organiser.form("post", path, file=file("try.txt", b"x")).json()["code"] == "wrong_kind"
    assert organiser.form("post", path, file=file("try.py", b"")).json()["code"] == "empty"
    assert organiser.get("contests/running/quota/").json()["used_today"] == 0
    assert Caller(make_user("gus")).form("post", path, file=file("try.py", b"1")).status_code == 403


def test_one_submission_or_a_whole_phase_is_judged_again(organiser: Caller, contest: Contest) -> None:
    owner = make_user("hal")
    ended = make_submission(contest, owner, status="FINISHED", public_score=0.5)
    make_submission(contest, owner, status="FINISHED", public_score=0.4)
    path = f"submissions/{ended.pk}/rejudge/"
    again = organiser.send("post", path)
    assert (again.status_code, [run["generation"] for run in again.json()["runs"]]) == (202, [1, 2])
    assert organiser.send("post", path).json()["code"] == "under_way"
    assert Caller(owner).send("post", path).status_code == 403
    whole = organiser.send("post", f"contests/running/phases/{phase_of(contest).pk}/rejudge/")
    assert whole.json() == {"rejudged": 1}


def test_what_was_used_is_told_by_contestant(organiser: Caller, contest: Contest) -> None:
    made = make_submission(contest, make_user("ida"), status="FINISHED")
    made.runs.update(wall_s=2.0, cpu_s=1.5, memory_peak=1000)
    assert organiser.get("contests/running/usage/").json()["cpu_s"] == 1.5
    (ida,) = organiser.get("contests/running/usage/contestants/").json()["results"]
    assert (ida["username"], ida["memory_peak"]) == ("ida", 1000)


def test_only_what_nobody_used_is_deleted(organiser: Caller, contest: Contest) -> None:
    phase = f"contests/running/phases/{phase_of(contest).pk}/"
    made = make_submission(contest, make_user("jan"))
    for path in (phase, "contests/running/"):
        assert organiser.send("delete", path).status_code == 409
    Submission.objects.filter(pk=made.pk)
    organiser.send("post", "contests/", {"slug": "spare", "title": "Spare"})
    assert organiser.send("delete", "contests/spare/").status_code == 204
    assert Contest.objects.filter(slug="spare").count() == 0


def test_only_organisers_open_contests_and_only_their_own(organiser: Caller, contest: Contest) -> None:
    kim = Caller(make_user("kim"))
    assert kim.send("post", "contests/", {"slug": "mine", "title": "Mine"}).status_code == 403
    make_contest("other")
    make_contest("unseen", published=False)
    assert organiser.send("patch", "contests/other/", {"title": "x"}).status_code == 403
    assert organiser.send("patch", "contests/unseen/", {"title": "x"}).status_code == 404
    assert organiser.send("patch", "contests/running/", {"title": "Now"}).json()["title"] == "Now"
    assert organiser.send("patch", "contests/running/", {"slug": "new"}).json()["slug"] == "running"
    assert Participation.objects.count() == 0
    join(contest, make_user("lea"))
    renamed = organiser.send("patch", "contests/running/", {"pseudonymous": True})
    assert renamed.status_code == 200
    assert Participation.objects.get().team.name != "lea"


def test_organisers_are_named_as_in_the_admin(organiser: Caller, site: None) -> None:
    helper = Caller(make_user("helper"))
    made = organiser.send(
        "post", "contests/", {"slug": "autumn", "title": "Autumn", "organisers": ["helper"]}
    )
    assert made.json()["organisers"] == ["helper", "olga"]
    assert helper.get("contests/autumn/").json()["organised_by_me"] is True
    refused = helper.send("patch", "contests/autumn/", {"organisers": ["olga", "nobody"]})
    assert refused.json()["errors"]["organisers"] == ["There is no account with this username: nobody"]
    assert helper.send("patch", "contests/autumn/", {"organisers": []}).status_code == 400
    assert organiser.send("patch", "contests/autumn/", {"organisers": ["olga"]}).json()["organisers"] == [
        "olga"
    ]
    assert helper.get("contests/autumn/").status_code == 404
    Contest.objects.update(published=True)
    assert helper.get("contests/autumn/").json()["organisers"] is None


def test_a_contest_is_copied_for_the_next_term(organiser: Caller) -> None:
    contest = make_contest("autumn", starters={"baseline.py": b"print(1)\n"})
    contest.organisers.add(User.objects.get(username="olga"))
    make_contest("taken")
    assert organiser.send("post", "contests/autumn/copy/", {"slug": "taken"}).status_code == 409
    assert organiser.send("post", "contests/taken/copy/").status_code == 403
    copied = organiser.send("post", "contests/autumn/copy/", {"slug": "spring", "title": "Spring"})
    assert copied.status_code == 201
    assert (copied.json()["slug"], copied.json()["title"], copied.json()["published"]) == (
        "spring",
        "Spring",
        False,
    )
    assert [task["slug"] for task in copied.json()["tasks"]] == ["main"]
    assert organiser.get("contests/spring/starter/").json()["count"] == 1
    assert organiser.send("post", "contests/autumn/copy/").json()["slug"] == "autumn-2"
    helper = make_user("helper")
    contest.organisers.add(helper)
    assert Caller(helper).send("post", "contests/autumn/copy/").status_code == 403  # who may open none


def test_private_scores_are_not_revealed_before_the_start(organiser: Caller, site: None) -> None:
    organiser.send("post", "contests/", {"slug": "autumn", "title": "Autumn"})
    dates = {
        "title": "Main",
        "starts_at": "2030-02-01T00:00:00Z",
        "private_revealed_at": "2030-01-01T00:00:00Z",
    }
    refused = organiser.send("post", "contests/autumn/phases/", dates)
    assert refused.json()["errors"] == {
        "private_revealed_at": ["Private scores cannot be shown before the start."]
    }
