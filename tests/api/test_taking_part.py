"""A contestant who never opens a page: joining, files, quota, one's own submissions, feedback, rank, tokens."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from contests.models import Contest
from leaderboard.models import Score
from metrics.catalogue import CATALOGUE
from runners.verdict import Verdict
from tests.api.test_organising import Caller
from tests.api.world import World, make_world
from tests.builders import fill_board, make_contest, make_environment, make_user

pytestmark = pytest.mark.django_db


def slugs(answer: Any) -> list[str]:
    return [each["slug"] for each in answer.json()["results"]]


@pytest.fixture
def alice() -> Caller:
    return Caller(make_user("alice"))


def test_contests_are_found_by_state_words_and_ones_own(alice: Caller) -> None:
    now = timezone.now()
    make_contest("digits", title_zh="手写数字")
    make_contest("past", starts_at=now - dt.timedelta(days=9), ends_at=now - dt.timedelta(days=1))
    make_contest("next", starts_at=now + dt.timedelta(days=1))
    make_contest("secret", published=False)
    for state, slug in (("open", "digits"), ("ended", "past"), ("upcoming", "next")):
        found = alice.get("contests/", state=state)
        assert (slugs(found), found.json()["results"][0]["state"]) == ([slug], state)
    assert slugs(alice.get("contests/", search="手写")) == ["digits"]
    assert slugs(alice.get("contests/", ordering="slug")) == ["digits", "next", "past"]
    assert slugs(alice.get("contests/", ordering=",,-slug,")) == ["past", "next", "digits"]
    assert len(slugs(alice.get("contests/", ordering=",,,"))) == 3
    assert slugs(alice.get("contests/", mine="true")) == []
    alice.send("post", "contests/digits/join/")
    assert slugs(alice.get("contests/", mine="true")) == ["digits"]
    assert slugs(alice.get("contests/", mine="false")) == ["next", "past"]
    assert slugs(Client().get("/api/v1/contests/?mine=true")) == []
    refused = alice.get("contests/", mine="maybe")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["mine"])


def test_an_address_is_ones_own_to_change_where_no_mail_confirms_it(
    alice: Caller, settings: Settings
) -> None:
    assert alice.send("patch", "me/", {"email": "a@uni.example"}).json()["email"] == "a@uni.example"
    assert alice.send("patch", "me/", {"email": "nonsense"}).status_code == 400
    assert alice.send("patch", "me/", {"display_name": "A"}).json()["email"] == "a@uni.example"
    settings.MAIL_WORKS = True
    refused = alice.send("patch", "me/", {"email": "b@uni.example"})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["email"])
    assert alice.send("patch", "me/", {"email": "a@uni.example", "display_name": "B"}).status_code == 200


def test_behind_a_door_even_the_names_of_files_are_for_those_who_joined(alice: Caller) -> None:
    make_contest("digits", rules="Be fair.")
    assert alice.get("contests/digits/").json()["tasks"][0]["files"] == []
    assert (
        alice.get("contests/digits/data/").status_code,
        alice.get("contests/digits/data/").json()["code"],
    ) == (
        403,
        "rules",
    )
    assert Client().get("/api/v1/contests/digits/data/").status_code == 401
    alice.send("post", "contests/digits/join/", {"accept_rules": True})
    assert alice.get("contests/digits/data/").json()["count"] == 3
    assert len(alice.get("contests/digits/").json()["tasks"][0]["files"]) == 3


def test_lists_come_in_pages_that_lead_to_each_other(alice: Caller) -> None:
    for number in range(5):
        make_contest(f"c{number}")
    first = alice.get("contests/", page_size="2", ordering="slug").json()
    assert (first["count"], first["previous"], len(first["results"])) == (5, None, 2)
    second = Client().get(first["next"]).json()
    assert [each["slug"] for each in second["results"]] == ["c2", "c3"]


def test_rules_are_read_and_accepted_before_the_data_is_given(alice: Caller) -> None:
    make_contest("ruled", rules="Be fair.")
    assert alice.get("contests/ruled/rules/").json()["accepted"] is False
    place = alice.get("contests/ruled/participation/").json()
    assert (place["state"], place["may_submit"], place["needs_rules"], place["code"]) == (
        None,
        False,
        True,
        "rules",
    )
    refused = alice.get("contests/ruled/data/train.csv")
    assert (refused.status_code, refused.json()["code"]) == (403, "rules")
    assert Client().get("/api/v1/contests/ruled/data.zip").status_code == 401
    assert alice.send("post", "contests/ruled/join/").json()["code"] == "rules"
    joined = alice.send("post", "contests/ruled/join/", {"accept_rules": True, "name": "Rocket"})
    assert (joined.status_code, joined.json()["name"], joined.json()["may_submit"]) == (200, "Rocket", True)
    assert alice.get("contests/ruled/rules/").json()["accepted"] is True
    assert alice.get("contests/ruled/data/train.csv").status_code == 200


def test_an_invitation_opens_a_contest(alice: Caller) -> None:
    make_contest("club", registration=Contest.Registration.INVITE, invite_code="sesame")
    assert alice.get("contests/club/participation/").json()["needs_code"] is True
    wrong = alice.send("post", "contests/club/join/", {"code": "open"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_code")
    assert alice.send("post", "contests/club/join/", {"code": "sesame"}).json()["state"] == "active"


def test_a_name_on_the_board_is_changed_and_unique(alice: Caller) -> None:
    make_contest()
    alice.send("post", "contests/digits/join/", {"name": "Rocket"})
    changed = alice.send("patch", "contests/digits/participation/", {"name": "Comet"})
    assert changed.json()["name"] == "Comet"
    bob = Caller(make_user("bob"))
    assert bob.send("patch", "contests/digits/participation/", {"name": "x"}).status_code == 404
    taken = bob.send("post", "contests/digits/join/", {"name": "comet"})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")


def test_all_data_comes_as_one_zip_and_a_known_file_is_not_sent_again(alice: Caller) -> None:
    make_contest()
    answer = alice.get("contests/digits/data.zip")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "digits/sample_submission.csv",
            "digits/test.csv",
            "digits/train.csv",
        ]
    (sample, *_rest) = alice.get("contests/digits/data/").json()["results"]
    known = Client().get(sample["url"], headers={"if-none-match": f'"{sample["sha256"]}"'})
    assert known.status_code == 304


def test_the_quota_is_told_before_an_upload(alice: Caller) -> None:
    make_contest(daily_limit=5)
    assert alice.get("contests/digits/quota/").json()["left"] == 5
    make_contest("later", starts_at=timezone.now() + dt.timedelta(days=1))
    assert alice.get("contests/later/quota/").json()["code"] == "closed"


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def contestant(world: World) -> Caller:
    return Caller(world.submission.user)


def test_ones_submissions_are_filtered_and_ordered(contestant: Caller, world: World) -> None:
    def found(**query: str) -> list[tuple[str, str | None]]:
        results = contestant.get("submissions/", **query).json()["results"]
        return [(each["status"], each["verdict"]) for each in results]

    assert len(found()) == 3
    assert found(status="QUEUED") == [("QUEUED", None)]
    assert found(verdict="INVALID_OUTPUT") == [("FINISHED", "INVALID_OUTPUT")]
    assert found(contest="elsewhere") == []
    assert found(kind="notebook") == []
    assert found(trial="true") == []
    tomorrow = (timezone.now() + dt.timedelta(days=1)).isoformat()
    assert (len(found(created_before=tomorrow)), found(created_after=tomorrow)) == (3, [])
    assert contestant.get("contests/fuzzed/submissions/").json()["count"] == 3
    by_score = contestant.get("submissions/", ordering="-public_score", verdict="SCORED").json()
    assert by_score["results"][0]["public_score"] == 0.5


def test_log_files_source_and_usage_of_a_submission(contestant: Caller, world: World) -> None:
    path = f"submissions/{world.submission.pk}"
    log = contestant.get(f"{path}/log/").json()
    assert (log["text"], log["complete"]) == ("第一行\nepoch 1\n", True)
    assert contestant.get(f"{path}/log/", after=str(log["end"])).json()["text"] == ""
    (file,) = contestant.get(f"{path}/files/").json()["results"]
    got = contestant.get(f"{path}/files/{file['name']}")
    assert b"".join(got.streaming_content).startswith(b"id,target")
    assert contestant.get(f"{path}/files/nope.csv").status_code == 404
    assert b"".join(contestant.get(f"{path}/source").streaming_content) == b"print('hello')\n"
    usage = contestant.get(f"{path}/usage/").json()
    assert len(usage["rows"]) == 3
    assert len(usage["rows"][0]) == len(usage["columns"])
    assert len(contestant.get(f"{path}/usage/", after="2").json()["rows"]) == 1
    assert usage["limits"]["memory_mb"] > 0
    assert contestant.get("me/usage/").status_code == 200
    stranger = Caller(make_user("stranger"))
    for part in ("", "log/", "files/", "files/submission.csv", "source", "usage/", "feedback/"):
        assert stranger.get(f"{path}/{part}").status_code == 404


def test_mistakes_in_predictions_come_in_the_readers_language(contestant: Caller) -> None:
    (found,) = contestant.get("submissions/", verdict=Verdict.INVALID_OUTPUT).json()["results"]
    (run,) = contestant.get(f"submissions/{found['id']}/").json()["runs"]
    (mistake,) = run["errors"]
    assert mistake["code"] == "missing_ids"
    assert mistake["message"]


def test_feedback_tells_of_the_public_rows_alone(contestant: Caller, world: World) -> None:
    Score.objects.filter(submission=world.submission).update(
        public=0.5, private=0.125, feedback={"classes": {"labels": ["0", "1"]}}
    )
    answer = contestant.get(f"submissions/{world.submission.pk}/feedback/")
    assert answer.json() == {"feedback": {"classes": {"labels": ["0", "1"]}}, "public_score": 0.5}
    assert b"0.125" not in answer.content
    (queued,) = contestant.get("submissions/", status="QUEUED").json()["results"]
    assert contestant.get(f"submissions/{queued['id']}/feedback/").status_code == 404


def test_my_rank_and_a_small_page_of_the_board(contestant: Caller, world: World) -> None:
    fill_board(world.contest, 3)
    assert contestant.get("contests/fuzzed/leaderboard/me/").json()["rank"] == 7
    page = contestant.get("contests/fuzzed/leaderboard/", page="4", page_size="2").json()
    assert (page["count"], page["page_size"], [row["rank"] for row in page["entries"]]) == (7, 2, [7])
    assert contestant.get("contests/fuzzed/leaderboard/", page="5", page_size="2").status_code == 404
    assert Caller(make_user("new")).get("contests/fuzzed/leaderboard/me/").status_code == 404


def test_a_token_is_shown_once_and_revoked(alice: Caller) -> None:
    made = alice.send("post", "me/tokens/", {"name": "laptop"})
    token = made.json()["token"]
    headers = {"authorization": f"Token {token}"}
    assert Client().get("/api/v1/me/", headers=headers).json()["username"] == "alice"
    listed = alice.get("me/tokens/")
    assert {each["name"] for each in listed.json()["results"]} == {"laptop", "test"}
    assert token not in listed.content.decode()
    bob = Caller(make_user("bob"))
    path = f"me/tokens/{made.json()['id']}/"
    assert bob.send("delete", path).status_code == 404
    assert alice.send("delete", path).status_code == 204
    assert Client().get("/api/v1/me/", headers=headers).status_code == 401


def test_a_profile_is_changed_but_for_what_names_the_account(alice: Caller) -> None:
    changed = alice.send("patch", "me/", {"display_name": "Ann", "username": "root", "is_organiser": True})
    said = changed.json()
    assert (said["public_name"], said["username"], said["is_organiser"]) == ("Ann", "alice", False)


def test_environments_metrics_and_verdicts_are_told_to_everybody() -> None:
    environment = make_environment()
    environment.packages = [["numpy", "2.0.1"]]
    environment.save()
    listed = Client().get("/api/v1/environments/?name=python").json()["results"]
    assert listed[0]["packages"] == [{"name": "numpy", "version": "2.0.1"}]
    one = Client().get(f"/api/v1/environments/python/{environment.version}/").json()
    assert one["identifier"] == environment.identifier
    assert Client().get("/api/v1/environments/python/none/").status_code == 404
    metrics = Client().get("/api/v1/metrics/?page_size=100").json()
    assert {each["slug"] for each in metrics["results"]} == set(CATALOGUE)
    verdicts = Client().get("/api/v1/verdicts/", headers={"accept-language": "en"}).json()["results"]
    assert {each["verdict"] for each in verdicts} == {verdict.value for verdict in Verdict}
    assert next(each for each in verdicts if each["verdict"] == "INTERNAL_ERROR")["cost"] == "no"
