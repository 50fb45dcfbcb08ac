"""Whatever is sent, the answer is JSON of one shape, and never our fault."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import pytest
from django.http import HttpResponse
from django.test import Client

from config.requests import Handler
from tests.api.world import World, make_world

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def world() -> World:
    return make_world()


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer.headers["content-type"] == JSON
    said: dict[str, Any] = answer.json()
    assert set(said) == {"detail", "code", "errors"}
    assert said["code"] == code
    assert said["detail"].strip()
    return said


def ask(  # noqa: PLR0917
    world: World, role: str, method: str, path: str, body: Any = None, kind: str = JSON
) -> HttpResponse:
    call = getattr(Client(), method)
    headers = {name.lower(): text for name, text in world.headers(role).items()}
    if method in {"get", "delete"}:
        answer: HttpResponse = call(f"/api/v1/{path}", headers=headers)
    else:
        answer = call(f"/api/v1/{path}", body, content_type=kind, headers=headers)
    return answer


REQUESTS = [
    ("anonymous", "get", "me/", 401, "not_authenticated"),
    ("anonymous", "get", "submissions/", 401, "not_authenticated"),
    ("anonymous", "get", "contests/fuzzed/participants/", 401, "not_authenticated"),
    ("contestant", "get", "contests/fuzzed/participants/", 403, "permission_denied"),
    ("contestant", "post", "contests/fuzzed/publish/", 403, "permission_denied"),
    ("contestant", "get", "contests/hidden/", 404, "not_found"),
    ("contestant", "post", "contests/hidden/publish/", 404, "not_found"),
    ("organiser", "get", "contests/fuzzed/tasks/999999/", 404, "not_found"),
    ("organiser", "get", f"contests/fuzzed/tasks/{'9' * 30}/", 404, "not_found"),
    ("contestant", "get", "submissions/not-a-uuid/", 404, "not_found"),
    ("contestant", "get", "contests/%00/", 404, "not_found"),
    ("contestant", "get", "contests/fuzzed/data/a%00b", 404, "not_found"),
    ("contestant", "get", "contests/?search=a%00b", 400, "invalid"),
    ("contestant", "get", "contests/?page=1000000", 404, "not_found"),
    ("contestant", "get", "contests/?page=" + "9" * 5000, 400, "invalid"),
    ("contestant", "get", "contests/?page=last", 400, "invalid"),
    ("contestant", "get", "contests/?page_size=101", 400, "invalid"),
    ("contestant", "get", "contests/?page_size=0", 400, "invalid"),
    ("contestant", "get", "contests/?state=nope", 400, "invalid"),
    ("contestant", "get", "contests/?ordering=password", 400, "invalid"),
    ("contestant", "get", "contests/?ordering=,title,password", 400, "invalid"),
    ("contestant", "get", "submissions/?created_after=yesterday", 400, "invalid"),
    ("contestant", "get", "submissions/?created_after=0001-01-01T00:00:00%2B14:00", 400, "invalid"),
    ("contestant", "get", "submissions/?created_after=9999-12-31T23:59:59-14:00", 400, "invalid"),
    ("contestant", "delete", "contests/", 405, "method_not_allowed"),
    ("contestant", "post", "me/", 405, "method_not_allowed"),
    ("contestant", "get", "nowhere/", 404, "not_found"),
]
BODIES = [
    (b"{", JSON, 400, "parse_error"),
    (b"[1]", JSON, 400, "parse_error"),
    (b'{"display_name": NaN}', JSON, 400, "parse_error"),
    (b"\xff\xfe{}", JSON, 400, "parse_error"),
    (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON, 400, "parse_error"),
    (b'{"display_name": ' + b"9" * 5000 + b"}", JSON, 400, "parse_error"),
    (b'{"display_name": "a\\u0000b"}', JSON, 400, "invalid"),
    (b'{"display_name": "\\ud800"}', JSON, 400, "parse_error"),
    (b'{"display_name": {"a": 1}}', JSON, 400, "invalid"),
    (b'{"display_name": "' + b"x" * 61 + b'"}', JSON, 400, "invalid"),
    (b"display_name=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    (b"<a/>", "text/xml", 415, "unsupported_media_type"),
]


def test_a_request_that_cannot_be_answered_is_refused_in_words(world: World) -> None:
    for role, method, path, status, code in REQUESTS:
        refused(ask(world, role, method, path), status, code)


def test_a_body_that_is_none_is_refused_in_words(world: World) -> None:
    for body, kind, status, code in BODIES:
        refused(ask(world, "contestant", "patch", "me/", body, kind), status, code)


@pytest.mark.parametrize("charset", ["utf-16", "hex", "rot13", "nonsense"])
def test_a_charset_of_the_clients_own_is_read_as_utf_8(charset: str) -> None:
    """On the whole application: Django itself would break before it looked for a view."""

    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app=cast("Any", Handler()))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            headers = {"content-type": f"{JSON}; charset={charset}"}
            return await client.patch("/api/v1/me/?x=1", content=b"{}", headers=headers)

    refused(asyncio.run(answer()), 401, "not_authenticated")


def test_all_mistakes_are_told_by_field_in_the_readers_language(world: World) -> None:
    body = {"slug": "no spaces", "title": "", "email_domains": "nope", "registration": "maybe"}
    said = refused(ask(world, "organiser", "post", "contests/", body), 400, "invalid")
    assert set(said["errors"]) >= {"slug", "title", "email_domains", "registration"}
    headers = {"accept-language": "zh-hans"} | {
        name.lower(): text for name, text in world.headers("organiser").items()
    }
    chinese = Client().post("/api/v1/contests/", body, JSON, headers=headers).json()
    assert chinese["errors"]["title"] != said["errors"]["title"]


def test_a_session_needs_its_csrf_token_for_what_changes_something(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.submission.user)
    assert browser.get("/api/v1/me/").status_code == 200
    refused(browser.patch("/api/v1/me/", {"display_name": "x"}, JSON), 403, "csrf")
    token = browser.cookies["csrftoken"] = "a" * 32
    headers = {"x-csrftoken": token}
    assert browser.patch("/api/v1/me/", {"display_name": "x"}, JSON, headers=headers).status_code == 200


def test_a_file_is_given_to_a_client_that_accepts_only_its_type(world: World) -> None:
    answer = Client().get("/api/v1/contests/fuzzed/data/train.csv", headers={"accept": "text/csv"})
    assert (answer.status_code, answer["content-type"]) == (200, "application/octet-stream")


@pytest.mark.parametrize("field", ["registration", "title"])
def test_half_a_character_is_no_choice_and_no_title(world: World, field: str) -> None:
    half = b'{"%s": "\\ud83d"}' % field.encode()
    refused(ask(world, "organiser", "patch", "contests/fuzzed/", half), 400, "parse_error")


def test_a_character_written_in_two_halves_is_one(world: World) -> None:
    answer = ask(world, "contestant", "patch", "me/", b'{"display_name": "\\ud83d\\ude00 Ann"}')
    assert answer.status_code == 200, answer.content
