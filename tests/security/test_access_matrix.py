"""Every address and method of the site, asked by everybody, against the table in access_matrix.txt.

Reading writes nothing: whatever is asked by GET is watched down to its SQL. Each request is rolled back afterwards.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from runners.spec import PROTOCOL_VERSION
from tests.builders import make_pool, make_submission, make_user, pool_token
from tests.judge.host import Host
from tests.security.site_of_roles import MACHINES, PLACE, ROLES, Place, Site, outcome, routes, views

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600), pytest.mark.once]
TABLE = Path(__file__).with_name("access_matrix.txt")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
RUNNER = "/runner/v1/"
SITE_MODELS = {
    "judge/run", "judge/job", "leaderboard/board", "leaderboard/boardentry", "leaderboard/score", "compute/environment",
    "compute/pool", "compute/pooltoken", "compute/runnerhost", "accounts/user", "account/emailaddress",
    "operations/notice",
}  # fmt: skip
# A session is kept alive, a token notes when it was used, and /readyz tries whether a row that is not there can be
# written; nothing else is written by reading.
HARMLESS = re.compile(
    r'"django_session"|UPDATE "accounts_apitoken" SET "last_used_at"|UPDATE "operations_notice" .* = 0$'
)
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER)\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    method: str
    route: str
    cells: tuple[str, ...]  # of the published contest; of the hidden one

    def __str__(self) -> str:
        return f"{self.method:16} {self.route:66} {' '.join(self.cells)}"


def models() -> tuple[list[str], list[str]]:
    """The administration's models: those of a contest, those of the site."""
    known = [f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry]
    return [name for name in known if name not in SITE_MODELS], [
        name for name in known if name in SITE_MODELS
    ]


def table() -> list[Row]:
    own, site = models()
    rows: list[Row] = []
    for line in TABLE.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        methods, route, *cells = line.split()
        if methods == "TOPIC":  # test_live_topics.py
            continue
        names = own if "@own" in route else site if "@site" in route else [""]
        for name in names:
            there = route.replace("@own", name).replace("@site", name)
            rows.extend(Row(method, there, tuple(cells)) for method in methods.split(","))
    return rows


def plain(route: str) -> str:
    return PLACE.sub(r"<\1>", route)


def part_of(route: str) -> str:
    if route.startswith(("/api/", RUNNER)):
        return route.split("/")[1]
    if not route.startswith("/admin/"):
        return "pages"
    return "own models" if "<object_id>" not in route else "rows"


PARTS = ("pages", "api", "own models", "rows")


def read_to_its_end(answer: HttpResponseBase) -> None:
    """A file stays open else. (Closing the answer would close the test's own connection to the database.)"""
    if isinstance(answer, StreamingHttpResponse):
        b"".join(answer.streaming_content)  # type: ignore[arg-type] # the client is no asynchronous one


def ask(client: Client, method: str, address: str, **headers: str) -> tuple[HttpResponseBase, list[str]]:
    """The answer, and the SQL that wrote something; both are undone."""
    cookies: Any = client.cookies.copy()
    api = address.startswith("/api/")
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        answer = client.generic(
            method,
            address,
            b"{}" if api else b"",
            content_type="application/json" if api else "application/x-www-form-urlencoded",
            headers=headers,
        )
        read_to_its_end(answer)
        transaction.set_rollback(True)
    client.cookies = cookies
    said = [query["sql"] for query in captured.captured_queries]
    return answer, [sql for sql in said if WRITES.match(sql) and not HARMLESS.search(sql)]


def headers_of(site: Site, name: str, route: str) -> dict[str, str]:
    return (
        {"authorization": f"Token {site.tokens[name]}"}
        if name in site.tokens and route.startswith("/api/")
        else {}
    )


def asked(site: Site, row: Row, place: Place) -> str:
    """The letters of one row; a program shows a token, a browser its session."""
    found = ""
    for name in ROLES.values():
        headers = headers_of(site, name, row.route)
        client = Client() if headers else site.clients[name]
        answer, written = ask(client, row.method, place.address(row.route), **headers)
        assert not (row.method == "GET" and written), (str(row), name, written)
        found += outcome(answer)
    return found


def contest_in(route: str) -> bool:
    return ("<slug>" in route and "/pools/" not in route) or "<submission_id>" in route


def test_every_address_has_a_row() -> None:
    known = {plain(route) for route in routes()}
    rows = {row.route for row in table()}
    missing = sorted(known - rows)
    assert missing == [], "\n".join(f"{'GET':16} {route:66} ???????" for route in missing)
    assert sorted(rows - known) == [], "rows of addresses that are gone"


def test_every_method_of_the_api_has_a_row() -> None:
    """DRF's classes say what they answer; what no row names must not be there."""
    rows: dict[str, set[str]] = {}
    for row in table():
        rows.setdefault(row.route, set()).add(row.method)
    for route, view in views():
        if route.startswith("/api/v1/"):
            answered = {name for name in METHODS if hasattr(view.cls, name.lower())}
            assert answered == rows[plain(route)], route


def test_no_row_is_there_twice_and_each_is_complete() -> None:
    rows = [row for row in table() if not row.route.startswith(RUNNER)]
    assert len({(row.method, row.route) for row in rows}) == len(rows)
    for row in rows:
        assert [len(cells) for cells in row.cells] == [len(ROLES)] * (2 if contest_in(row.route) else 1), str(
            row
        )


@pytest.mark.parametrize("part", PARTS)
def test_everybody_reaches_what_the_table_says(site: Site, part: str) -> None:
    wrong = []
    for row in table():
        if part_of(row.route) == part:
            places = (site.shown, site.hidden)[: len(row.cells)]
            found = Row(row.method, row.route, tuple(asked(site, row, place) for place in places))
            if found != row:
                wrong.append(f"{row}\n{found}   <- is so")
    assert wrong == [], "\n" + "\n".join(wrong)


@pytest.mark.parametrize("part", PARTS)
def test_a_method_without_a_row_does_nothing(site: Site, part: str) -> None:
    allowed: dict[str, set[str]] = {}
    for row in table():
        allowed.setdefault(row.route, set()).add(row.method)
    for route, methods in sorted(allowed.items()):
        if part_of(route) != part:
            continue
        for method in set(METHODS) - methods:
            for name in ("organiser", "root"):
                headers = headers_of(site, name, route)
                client = Client() if headers else site.clients[name]
                answer, written = ask(client, method, site.shown.address(route), **headers)
                assert written == [], (method, route, name)
                assert outcome(answer) != "5", (method, route, name)
                if route.startswith("/api/"):
                    assert answer.status_code in {403, 404, 405}, (method, route, name)


def test_in_the_api_a_session_reaches_what_a_token_does(site: Site) -> None:
    for row in table():
        if row.method == "GET" and row.route.startswith("/api/v1/"):
            found = "".join(
                outcome(ask(site.clients[name], "GET", site.shown.address(row.route))[0])
                for name in ROLES.values()
            )
            assert found == row.cells[0], str(row)


class Jobs:
    """Two jobs that run, of different pools, and whoever speaks for a machine."""

    def __init__(self, site: Site) -> None:
        submission = make_submission(site.shown.contest, make_user("runs"), status="QUEUED")
        self.own = Host().must_claim()
        other = make_submission(site.shown.contest, make_user("runs-too"), status="QUEUED")
        other.runs.get().jobs.update(pool=make_pool("gpu"))
        self.other = Host().must_claim("gpu")
        assert submission.pk != other.pk
        self.digest = self.own.inputs[0].sha256
        self.tokens = {
            "root": f"Token {site.tokens['root']}",
            "pool": f"Bearer {pool_token('cpu')}",
            "other pool": f"Bearer {pool_token('gpu')}",
            "job": f"Bearer {self.own.token}",
            "other job": f"Bearer {self.other.token}",
        }

    def outcome(self, row: Row, name: str) -> str:
        address = row.route.replace("<job_id>", str(self.own.job_id)).replace("<sha256>", self.digest)
        body = {
            "protocol": PROTOCOL_VERSION,
            "host": "host-1",
            "environments": [],
            "building": {},
            "attempt": 1,
        }
        with transaction.atomic():
            answer = Client().generic(
                row.method,
                address,
                json.dumps(body).encode(),
                headers={"authorization": self.tokens[name]} if name in self.tokens else {},
            )
            read_to_its_end(answer)
            transaction.set_rollback(True)
        return "~" if answer.status_code == 409 else outcome(answer)


def test_a_machine_reaches_its_pool_and_its_job_alone(site: Site) -> None:
    jobs = Jobs(site)
    wrong = []
    for row in table():
        if row.route.startswith(RUNNER):
            found = Row(
                row.method, row.route, ("".join(jobs.outcome(row, name) for name in MACHINES.values()),)
            )
            if found != row:
                wrong.append(f"{row}\n{found}   <- is so")
    assert wrong == [], "\n" + "\n".join(wrong)


def test_a_runners_token_is_nobodys_everywhere_else(site: Site) -> None:
    tokens = Jobs(site).tokens
    for row in table():
        if row.method != "GET" or row.route.startswith(RUNNER) or part_of(row.route) == "rows":
            continue
        address = site.hidden.address(row.route)
        expected = row.cells[-1][0]
        for name in ("pool", "job"):
            assert outcome(ask(Client(), "GET", address, authorization=tokens[name])[0]) == expected, (
                name,
                str(row),
            )


def test_a_persons_token_opens_the_api_and_no_page(site: Site) -> None:
    header = f"Token {site.tokens['root']}"
    for row in table():
        if row.method == "GET" and part_of(row.route) in {"pages", "own models"}:
            found = outcome(ask(Client(), "GET", site.hidden.address(row.route), authorization=header)[0])
            assert found == row.cells[-1][0], str(row)
