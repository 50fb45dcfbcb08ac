"""Every page, in both languages, for everybody who may come by."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, RequestFactory
from django.views.defaults import server_error

from accounts.models import User
from contests.models import Contest
from tests.builders import TRAIN, fill_board, make_contest, make_facts, make_host, make_pool, make_submission
from tests.pages.reading import queries, read, signed_in

LANGUAGES = {"en": "Contests", "zh-hans": "竞赛"}
OPEN_PAGES = (
    "/",
    "/contests/digits/",
    "/contests/digits/data/",
    "/contests/digits/evaluation/",
    "/contests/digits/rules/",
    "/contests/digits/limits/",
    "/contests/digits/environment/",
    "/contests/digits/starter/",
    "/contests/digits/leaderboard/",
)
OWN_PAGES = (
    "/contests/digits/submit/",
    "/contests/digits/submissions/",
    "/contests/digits/join/",
    "/submissions/",
    "/submissions/?contest=digits",
    "/accounts/profile/",
    "/accounts/password/change/",
    "/accounts/logout/",
)
DOORS = ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")
LOG = b"epoch 1 loss 0.5\n"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", [*OPEN_PAGES, *DOORS])
def test_a_visitor_reads_the_open_pages(contest: Contest, path: str, language: str) -> None:
    fill_board(contest, 3)
    page = read(signed_in(None, language=language), path)
    assert page.all("html")[0]["lang"] == language
    assert LANGUAGES[language] in page.text
    assert page.faults() == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", [*OPEN_PAGES, *OWN_PAGES])
def test_a_contestant_reads_all_pages(contest: Contest, alice: User, path: str, language: str) -> None:
    make_submission(contest, alice, status="FINISHED", public_score=0.5)
    make_submission(contest, alice)
    page = read(signed_in(alice, language=language), path)
    assert LANGUAGES[language] in page.text
    assert page.faults() == []


@pytest.mark.parametrize("path", OWN_PAGES)
def test_a_visitor_is_asked_to_sign_in_first(contest: Contest, path: str) -> None:
    answer = signed_in(None).get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/") or path == "/accounts/logout/"


STATES = [
    {"status": "QUEUED"},
    {"status": "RUNNING", "log": LOG},
    {"status": "SCORING", "log": LOG},
    {"status": "FINISHED", "public_score": 0.5, "log": LOG, "files": {"submission.csv": b"id,target\n"}},
    {"status": "FINISHED", "kind": "predictions", "public_score": 0.5},
    {"status": "FINISHED", "verdict": "TIME_LIMIT_EXCEEDED"},
    {"status": "FINISHED", "verdict": "MEMORY_LIMIT_EXCEEDED", "facts": make_facts(exit_code=None, signal=9)},
    {"status": "FINISHED", "verdict": "DISK_LIMIT_EXCEEDED"},
    {"status": "FINISHED", "verdict": "OUTPUT_LIMIT_EXCEEDED"},
    {"status": "FINISHED", "verdict": "PROCESS_LIMIT_EXCEEDED"},
    {"status": "FINISHED", "verdict": "RUNTIME_ERROR", "facts": make_facts(exit_code=7)},
    {"status": "FINISHED", "verdict": "NO_OUTPUT"},
    {
        "status": "FINISHED",
        "verdict": "INVALID_OUTPUT",
        "errors": [{"code": "no_rows", "params": {}, "message": ""}],
    },
    {"status": "FAILED"},
    {"status": "CANCELLED"},
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.get("verdict", state["status"]))
def test_a_submission_page_is_there_in_every_state(
    contest: Contest, alice: User, state: dict[str, object], language: str
) -> None:
    submission = make_submission(contest, alice, **state)  # type: ignore[arg-type]
    page = read(signed_in(alice, language=language), f"/submissions/{submission.pk}/")
    assert page.faults() == []
    assert "train.py" in page.text or "predictions.csv" in page.text
    assert len(page.html.split('data-part="state"')) == 2
    read(signed_in(alice, language=language), "/submissions/")


def test_a_page_says_why_a_submission_waits(contest: Contest, alice: User) -> None:
    make_host(make_pool("cpu"), building={"python": {"state": "building", "percent": 42, "step": "numpy"}})
    submission = make_submission(contest, alice)
    page = read(signed_in(alice), f"/submissions/{submission.pk}/")
    assert "Place 1 in the queue" in page.text
    assert "being built: 42 % done" in page.text
    assert "data-refresh" in page.html


def test_staff_opens_the_admin_of_every_room(contest: Contest, alice: User, staff: User) -> None:
    submission = make_submission(contest, alice, status="FINISHED", public_score=0.5, log=LOG)
    client = signed_in(staff)
    index = client.get("/admin/").content.decode()
    lists = {part.split('"')[0] for part in index.split('href="/admin/')[1:]}
    shown = [path for path in lists if path.count("/") == 2 and not path.startswith(("auth/", "password"))]
    assert len(shown) >= 10
    for path in shown:
        assert client.get(f"/admin/{path}").status_code == 200, path
    assert client.get(f"/admin/contests/submission/{submission.pk}/change/").status_code == 200
    assert client.get(f"/admin/contests/contest/{contest.pk}/change/").status_code == 200
    run = submission.runs.get()
    assert client.get(f"/admin/judge/run/{run.pk}/change/").status_code == 200
    assert client.get(f"/admin/judge/job/{run.jobs.get().pk}/change/").status_code == 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_address_is_answered_with_a_page(contest: Contest, language: str) -> None:
    page = read(signed_in(None, language=language), "/contests/none/", status=404)
    assert page.faults() == []
    assert LANGUAGES[language] in page.text


def test_a_form_without_its_token_is_refused_with_a_page(contest: Contest, alice: User) -> None:
    answer = signed_in(alice).post("/contests/digits/submit/", {})
    assert answer.status_code == 403
    assert "This form had expired." in answer.content.decode()


def test_the_language_switch_lasts(contest: Contest) -> None:
    client = signed_in(None)
    page = read(client, "/contests/digits/")
    token = next(str(i["value"]) for i in page.all("input") if i.get("name") == "csrfmiddlewaretoken")
    answer = client.post(
        "/i18n/setlang/", {"csrfmiddlewaretoken": token, "language": "zh-hans", "next": "/contests/digits/"}
    )
    assert answer["Location"] == "/contests/digits/"
    page = read(client, "/contests/digits/")
    assert page.all("html")[0]["lang"] == "zh-hans"
    assert "手写数字" in page.text


def test_the_error_page_of_a_fault_needs_nothing_but_its_template() -> None:
    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Something went wrong on our side." in answer.content.decode()


def test_a_download_streams_under_asgi(contest: Contest) -> None:
    async def fetch() -> bytes:
        answer = await AsyncClient().get("/contests/digits/data/train.csv")
        assert answer.is_async  # type: ignore[attr-defined]
        return b"".join([piece async for piece in answer.streaming_content])  # type: ignore[attr-defined]

    assert async_to_sync(fetch)() == TRAIN


def test_lists_cost_the_same_however_long_they_are(contest: Contest, alice: User) -> None:
    client = signed_in(alice)
    make_submission(contest, alice, status="FINISHED", public_score=0.5)
    few = {path: queries(client, path) for path in ("/", "/submissions/")}
    for number in range(4):
        other = make_contest(f"other-{number}")
        for _ in range(4):
            make_submission(other, alice, status="FINISHED", public_score=0.5)
    assert {path: queries(client, path) for path in few} == few
