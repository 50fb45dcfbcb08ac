"""Every address of the site, asked by everybody: nobody reads or changes what is not theirs.

The addresses are read off the URLconf, so that a new one is asked too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from accounts.models import User
from contests.models import Check, Contest, Participation, StarterCode
from judge.models import Job
from tests.builders import (
    join,
    make_api_token,
    make_contest,
    make_submission,
    make_user,
    phase_of,
    task_version_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.once]

PRIVATE = 0.876543  # a private score that nobody has revealed
CODE = "sesame-opens-it"
MAIL = "nobodys.business"
SECRET_WORDS = "the words of a hidden contest"
OUTSIDERS = ("visitor", "stranger", "pending", "refused", "elsewhere", "revoked", "inactive")
PEOPLE = (*OUTSIDERS, "owner", "organiser", "root")
# Verbs whose effect would change what the next question finds; each has a test of its own.
SPOILS = re.compile(r"logout|/delete/|/remove/|password|i18n|/runner/")


def routes(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    for pattern in (resolver or get_resolver()).url_patterns:
        if not isinstance(pattern.pattern, RoutePattern):
            continue
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield "/" + route


class Site:
    """One contest with a submission of its owner, and those who ask about it."""

    def __init__(self, *, published: bool) -> None:
        people = {name: make_user(name, email=f"{name}@{MAIL}") for name in PEOPLE if name != "visitor"}
        self.people: dict[str, User] = people
        contest = make_contest(
            "shown" if published else "hidden",
            published=published,
            description=SECRET_WORDS,
            registration=Contest.Registration.INVITE,
            invite_code=CODE,
            starters={"baseline.py": b"print(1)\n"},
        )
        self.contest = contest
        contest.organisers.add(people["organiser"])
        make_contest("another").organisers.add(people["elsewhere"])
        User.objects.filter(username="elsewhere").update(is_staff=True)
        User.objects.filter(username="root").update(is_staff=True, is_superuser=True)
        for name, state in (("pending", "pending"), ("refused", "refused"), ("owner", "active")):
            place = join(contest, people[name])
            Participation.objects.filter(pk=place.pk).update(state=state)
        self.submission = make_submission(
            contest,
            people["owner"],
            status="FINISHED",
            public_score=0.5,
            private_score=PRIVATE,
            log=b"hello\n",
            files={"submission.csv": b"id,target\n3,1\n"},
        )
        version = task_version_of(contest)
        check = Check.objects.create(task_version=version, started_by=people["organiser"], digest="0" * 64)
        self.tokens = {name: make_api_token(user) for name, user in people.items()}
        people["revoked"].api_tokens.all().delete()
        User.objects.filter(username="inactive").update(is_active=False)
        run = self.submission.runs.get()
        own = {
            "contests/contest": contest.pk,
            "contests/task": version.task_id,
            "contests/startercode": StarterCode.objects.get(contest=contest).pk,
            "contests/participation": Participation.objects.get(contest=contest, user=people["owner"]).pk,
            "contests/team": self.submission.team_id,
            "contests/submission": self.submission.pk,
            "contests/check": check.pk,
            "judge/run": run.pk,
            "judge/job": Job.objects.filter(run=run).values_list("pk", flat=True).first() or 1,
            "accounts/user": people["owner"].pk,
        }
        self._own = own
        self._values: dict[str, Any] = {
            "slug": contest.slug,
            "submission_id": self.submission.pk,
            "phase_id": phase_of(contest).pk,
            "task_id": version.task_id,
            "participation_id": own["contests/participation"],
            "token_id": people["owner"].api_tokens.get().pk,
            "file_id": version.files.first().pk,  # type: ignore[union-attr]
            "version": version.environment.version,
            "section": "overview",
        }

    def address(self, route: str) -> str:
        def value(found: re.Match[str]) -> str:
            name = found["name"]
            if name == "slug" and "/pools/" in route:
                return "cpu"
            if name in {"object_id", "pk"}:
                room = "/".join(route.split("/")[2:4])
                return str(self._own.get(room, 1))
            if name in {"name", "file"}:
                if "/starter/" in route:
                    return "baseline.py"
                return (
                    "submission.csv"
                    if "submission_id" in route
                    else "python"
                    if "environments" in route
                    else "train.csv"
                )
            return str(self._values.get(name, 1))

        return re.sub(r"<(?:\w+:)?(?P<name>\w+)>", value, route)

    def clients(self, name: str) -> list[Client]:
        """By session and by token, as this person may try."""
        clients = [Client(raise_request_exception=False)]
        if name == "visitor":
            return clients
        if name != "revoked":
            clients[0].force_login(self.people[name])
        return [
            *clients,
            Client(raise_request_exception=False, headers={"authorization": f"Token {self.tokens[name]}"}),
        ]


def text_of(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")


@pytest.fixture
def no_throttles(settings: Any) -> None:
    settings.API_RATES = dict.fromkeys(settings.API_RATES, 0)


def asked(site: Site, name: str, *, methods: tuple[str, ...]) -> Iterator[tuple[str, str, Any]]:
    """GET and POST are asked of every address, the other methods of the API's.

    What the pages answer to those is in tests/security/access_matrix.txt.
    """
    of_pages = tuple(method for method in methods if method in {"GET", "POST"})
    for route in sorted(set(routes())):
        if SPOILS.search(route):
            continue
        address = site.address(route)
        for client in site.clients(name):
            for method in methods if route.startswith("/api/") else of_pages:
                answer = client.generic(method, address, "{}", content_type="application/json")
                yield method, address, answer


@pytest.mark.parametrize("name", OUTSIDERS)
def test_a_hidden_contest_is_nowhere(no_throttles: None, name: str) -> None:
    site = Site(published=False)
    for method, address, answer in asked(site, name, methods=("GET", "POST")):
        said = text_of(answer)
        where = (method, address, answer.status_code)
        assert answer.status_code < 500, where
        assert SECRET_WORDS not in said, where
        assert CODE not in said, where
        assert str(PRIVATE) not in said, where
        if "hidden" in address or str(site.submission.pk) in address:
            assert answer.status_code in {302, 401, 403, 404, 405, 415}, where
            assert (
                answer.status_code != 403 or "/admin/" in address or method != "GET" or name == "inactive"
            ), where
    site.contest.refresh_from_db()
    site.submission.refresh_from_db()
    assert (site.contest.published, site.submission.status) == (False, "FINISHED")


def test_its_organiser_reaches_what_the_others_do_not(no_throttles: None) -> None:
    """Else the questions below would ask nothing."""
    site = Site(published=False)
    reached = {
        address: text_of(answer)
        for method, address, answer in asked(site, "organiser", methods=("GET",))
        if answer.status_code == 200
    }
    about = [address for address in reached if "hidden" in address or str(site.submission.pk) in address]
    assert len(about) > 30
    assert len([address for address in reached if address.startswith("/admin/contests/")]) > 15
    for words in (SECRET_WORDS, CODE, str(PRIVATE)):
        assert any(words in said for said in reached.values()), words
    assert not any(f"owner@{MAIL}" in said for said in reached.values())


@pytest.mark.parametrize("name", [*OUTSIDERS, "owner"])
def test_nobody_reads_what_is_not_theirs(no_throttles: None, name: str) -> None:
    site = Site(published=True)
    for method, address, answer in asked(site, name, methods=("GET", "HEAD", "OPTIONS")):
        said = text_of(answer)
        where = (method, address, answer.status_code)
        assert answer.status_code < 500, where
        assert str(PRIVATE) not in said, where
        assert CODE not in said, where
        assert MAIL not in said.replace(f"{name}@{MAIL}", ""), where
        if str(site.submission.pk) in address and name != "owner":
            assert answer.status_code in {302, 401, 404, 405}, where
        if address.startswith("/admin/") and name != "elsewhere" and "jsi18n" not in address:
            assert answer.status_code in {302, 403, 404, 405}, where


@pytest.mark.parametrize("name", [*OUTSIDERS, "owner"])
def test_nobody_changes_what_is_not_theirs(no_throttles: None, name: str) -> None:
    site = Site(published=True)
    before = state(site)
    for method, address, answer in asked(site, name, methods=("POST", "PUT", "PATCH", "DELETE")):
        where = (method, address, answer.status_code)
        assert answer.status_code < 500, where
        if (
            address.startswith("/api/v1/contests/shown/")
            and "/join/" not in address
            and "submissions" not in address
        ):
            assert answer.status_code in {401, 403, 404, 405, 415} or "participation/" in address, where
    assert state(site) == before


def state(site: Site) -> list[Any]:
    contest = Contest.objects.get(pk=site.contest.pk)
    version = task_version_of(contest)
    return [
        {k: v for k, v in vars(contest).items() if not k.startswith("_")},
        list(contest.participations.order_by("pk").values("user", "state", "team__name")),
        list(version.files.order_by("pk").values("name", "blob")),
        version.solution_id,
        version.checks.count(),
        list(contest.submissions.order_by("pk").values("pk", "status", "public_score")),
        list(contest.phases.order_by("pk").values()),
    ]
