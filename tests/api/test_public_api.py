"""The public API as its users call it."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from contests.models import Contest
from tests.builders import (
    SAMPLE,
    fill_board,
    make_api_token,
    make_contest,
    make_submission,
    make_user,
    phase_of,
)
from tests.judge.host import Host

pytestmark = pytest.mark.django_db


@pytest.fixture
def contest() -> Contest:
    return make_contest(environments=["python", "torch"])


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Token {token}"}


@pytest.fixture
def alice() -> dict[str, str]:
    return bearer(make_api_token(make_user("alice")))


def post(headers: dict[str, str], slug: str = "digits", **fields: Any) -> Any:
    data = {"file": SimpleUploadedFile("train.py", b"print(1)")} | fields
    return Client().post(f"/api/v1/contests/{slug}/submissions/", data, headers=headers)


def test_a_submission_is_created_and_can_be_followed(contest: Contest, alice: dict[str, str]) -> None:
    created = post(alice, task="main", environment="torch", note="first try")
    assert created.status_code == 201
    seen = Client().get(f"/api/v1/submissions/{created.json()['id']}/", headers=alice).json()
    assert (seen["status"], seen["verdict"], seen["queue_position"]) == ("QUEUED", None, 1)
    assert (seen["environment"], seen["note"], seen["public_score"], seen["private_score"]) == (
        "torch",
        "first try",
        None,
        None,
    )
    assert len(seen["runs"]) == 1
    assert seen["waiting_for"]["environment"] == "torch"


def test_the_idempotency_key_is_honoured(contest: Contest, alice: dict[str, str]) -> None:
    keyed = alice | {"idempotency-key": "abc"}
    first, second = post(keyed), post(keyed)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"file": ""}, 400, "file"),
        ({"file": SimpleUploadedFile("a.txt", b"x")}, 400, ".py"),
        ({"file": SimpleUploadedFile("a.py", b"")}, 400, "empty"),
        ({"task": "nope"}, 404, "task"),
        ({"environment": "cobol"}, 400, "python, torch"),
        ({"note": "x" * 301}, 400, "300"),
    ],
)
def test_a_refusal_is_json_with_a_readable_detail(
    contest: Contest, alice: dict[str, str], fields: dict[str, Any], status: int, word: str
) -> None:
    answer = post(alice, **fields)
    assert answer.status_code == status
    assert word in answer.json()["detail"]


def test_without_a_token_or_with_a_wrong_one_nothing_is_accepted(contest: Contest) -> None:
    for headers in ({}, bearer("pod_wrong"), {"authorization": "Token"}):
        answer = post(headers)
        assert answer.status_code == 401
        assert answer.json()["detail"]


def test_somebody_elses_submission_is_not_found(contest: Contest, alice: dict[str, str]) -> None:
    theirs = make_submission(contest, make_user("bob"))
    for path in ("", "log/"):
        assert Client().get(f"/api/v1/submissions/{theirs.pk}/{path}", headers=alice).status_code == 404
    assert Client().post(f"/api/v1/submissions/{theirs.pk}/cancel/", headers=alice).status_code == 404


def test_an_organiser_reads_private_scores_as_in_the_admin(contest: Contest) -> None:
    organiser, elsewhere = make_user("olga"), make_user("otto")
    contest.organisers.add(organiser)
    make_contest("another").organisers.add(elsewhere)
    made = make_submission(contest, make_user("a"), status="FINISHED", public_score=0.5, private_score=0.25)
    headers = {"authorization": f"Token {make_api_token(organiser)}"}
    assert Client().get(f"/api/v1/submissions/{made.pk}/", headers=headers).json()["private_score"] == 0.25
    rows = Client().get(f"/api/v1/contests/{contest.slug}/submissions/", headers=headers).json()["results"]
    assert [row["private_score"] for row in rows] == [0.25]
    own = make_submission(contest, elsewhere, status="FINISHED", public_score=0.5, private_score=0.75)
    headers = {"authorization": f"Token {make_api_token(elsewhere)}"}
    assert Client().get(f"/api/v1/submissions/{own.pk}/", headers=headers).json()["private_score"] is None


def test_the_private_score_is_null_until_it_is_revealed(contest: Contest) -> None:
    user = make_user("carol")
    headers = bearer(make_api_token(user))
    mine = make_submission(contest, user, status="FINISHED", public_score=0.5, private_score=0.2578125)
    path = f"/api/v1/submissions/{mine.pk}/"
    hidden = Client().get(path, headers=headers)
    assert hidden.json()["private_score"] is None
    assert "0.2578125" not in hidden.content.decode()
    contest.phases.update(private_revealed_at=phase_of(contest).starts_at)
    assert Client().get(path, headers=headers).json()["private_score"] == 0.2578125


def test_contests_and_their_data_are_listed(contest: Contest) -> None:
    make_contest("secret", published=False)
    client = Client()
    assert [item["slug"] for item in client.get("/api/v1/contests/").json()["results"]] == ["digits"]
    detail = client.get("/api/v1/contests/digits/").json()
    (task,) = detail["tasks"]
    assert (task["metric"], task["direction"], task["id_column"]) == ("accuracy", "maximize", "id")
    names = [file["name"] for file in task["files"]]
    assert names == ["sample_submission.csv", "test.csv", "train.csv"]
    got = client.get("/api/v1/contests/digits/data/sample_submission.csv")
    assert b"".join(got.streaming_content) == SAMPLE  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["secret/", "secret/leaderboard/", "secret/data/train.csv", "nope/"])
def test_a_contest_that_is_not_published_does_not_exist_for_others(path: str) -> None:
    make_contest("secret", published=False)
    answer = Client().get(f"/api/v1/contests/{path}")
    assert answer.status_code == 404
    assert answer.json()["detail"]


@pytest.mark.parametrize("name", ["solution.csv", "../solution.csv", "%2e%2e/x", "nope.csv"])
def test_a_file_that_is_not_data_is_not_given(contest: Contest, name: str) -> None:
    assert Client().get(f"/api/v1/contests/digits/data/{name}").status_code == 404


def test_the_leaderboard_is_readable_by_everybody(contest: Contest) -> None:
    fill_board(contest, 3)
    board = Client().get("/api/v1/contests/digits/leaderboard/").json()
    assert (board["version"], board["count"]) == (3, 3)
    first = board["entries"][0]
    assert set(first) == {"rank", "team_id", "name", "score", "submissions", "last_improved_at"}
    assert (first["rank"], first["score"], first["submissions"]) == (1, 0.99, 1)


@pytest.mark.parametrize("page", ["0", "-1", "x", "١", "99999999999", "9" * 5000])
def test_a_page_that_is_no_number_is_refused(contest: Contest, page: str) -> None:
    answer = Client().get("/api/v1/contests/digits/leaderboard/", {"page": page})
    assert answer.status_code == 400
    assert "page" in answer.json()["detail"]


def test_an_empty_board_is_an_empty_list(contest: Contest) -> None:
    board = Client().get("/api/v1/contests/digits/leaderboard/").json()
    assert (board["version"], board["entries"]) == (0, [])


def test_cancelling_and_reading_the_log(contest: Contest, alice: dict[str, str]) -> None:
    created = post(alice).json()
    spec = Host().must_claim()
    Host().heartbeat(spec, log=b"epoch 1\n")
    path = f"/api/v1/submissions/{created['id']}"
    assert Client().get(f"{path}/log/", headers=alice).json()["text"] == "epoch 1\n"
    cancelled = Client().post(f"{path}/cancel/", headers=alice).json()
    assert (cancelled["cancelled"], cancelled["status"]) == (True, "CANCELLED")


def test_errors_speak_the_readers_language(contest: Contest, alice: dict[str, str]) -> None:
    answer = post(alice | {"accept-language": "zh-hans"}, file=SimpleUploadedFile("a.py", b""))
    assert json.loads(answer.content)["detail"] != ""


def test_the_data_of_a_phase_that_has_not_started_is_not_given_out() -> None:
    make_contest("soon", starts_at=timezone.now() + datetime.timedelta(days=1))
    assert Client().get("/api/v1/contests/soon/").json()["tasks"] == []
    assert Client().get("/api/v1/contests/soon/data/train.csv").status_code == 404


@pytest.mark.parametrize("after", ["9" * 5000, "-1", "x", "1.5", "١", ""])
def test_a_log_offset_that_is_no_number_is_refused_with_a_sentence(contest: Contest, after: str) -> None:
    user = make_user("dora")
    mine = make_submission(contest, user)
    answer = Client().get(
        f"/api/v1/submissions/{mine.pk}/log/", {"after": after}, headers=bearer(make_api_token(user))
    )
    assert answer.status_code == 400
    assert "whole number" in answer.json()["errors"]["after"][0]
