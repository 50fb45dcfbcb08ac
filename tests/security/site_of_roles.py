"""Two contests, one open to all and one hidden again by its organisers, and everybody who may come by."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from allauth.account.models import EmailAddress
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern

from accounts.models import User
from contests.models import Contest, HiddenFile, Participation, StarterCode, Submission
from leaderboard.models import Board, BoardEntry, Score
from operations.models import Notice
from runners.notebook.bundle import PAGE
from tests.builders import (
    join,
    make_api_token,
    make_blob,
    make_check,
    make_contest,
    make_host,
    make_pool,
    make_submission,
    make_user,
    phase_of,
    task_version_of,
)

# In the order of the table's letters.
ROLES = {
    "A": "anonymous",
    "C": "contestant",
    "O": "other",
    "G": "organiser",
    "H": "elsewhere",  # organises another contest, and is staff
    "S": "staff",  # may open contests, and has none
    "R": "root",
}
MACHINES = {"A": "anonymous", "R": "root", "P": "pool", "Q": "other pool", "J": "job", "K": "other job"}
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")
GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")


def routes() -> Iterator[str]:
    for route, _view in views():
        yield route


def views(resolver: URLResolver | None = None, before: str = "/") -> Iterator[tuple[str, Any]]:
    """Every address of the URLconf, as its routes spell it; a regular expression with its groups as <name>."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern.pattern, RoutePattern):
            route = before + str(pattern.pattern)
        elif isinstance(pattern.pattern, RegexPattern):
            route = before + GROUP.sub(r"<\1>", str(pattern.pattern)).replace("^", "").replace(
                "$", ""
            ).replace("\\", "")
        else:  # a prefix by language
            raise TypeError(pattern)
        if isinstance(pattern, URLResolver):
            yield from views(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """What the variables of an address are, for one contest."""

    contest: Contest
    submission: Submission
    values: dict[str, Any]
    rows: dict[str, Any]  # "app/model" → primary key

    def address(self, route: str) -> str:
        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name == "pk" and "/hosts/" in route:
                return str(self.rows["compute/runnerhost"])
            if name in {"object_id", "id", "pk"}:
                return str(self.rows.get("/".join(route.split("/")[2:4]), 1))
            if name == "slug" and "/pools/" in route:
                return "cpu"
            if name == "file_id" and "/hidden/" in route:
                return str(self.values["hidden_id"])
            if name in {"name", "file"}:
                return self._file(route)
            return str(self.values[name])

        return PLACE.sub(value, route)

    @staticmethod
    def _file(route: str) -> str:
        if "/starter/" in route:
            return "baseline.py"
        if "environments" in route:
            return "python"
        return "submission.csv" if "submission_id" in route else "train.csv"


class Site:
    def __init__(self) -> None:
        people = {name: make_user(name) for name in ROLES.values() if name != "anonymous"}
        self.people: dict[str, User] = people
        User.objects.filter(username__in=("elsewhere", "staff", "root")).update(is_staff=True)
        User.objects.filter(username="root").update(is_superuser=True)
        make_contest("another").organisers.add(people["elsewhere"])
        self.tokens = {name: make_api_token(user) for name, user in people.items()}
        self.shown = self._place("shown")
        self.hidden = self._place("hidden")
        Contest.objects.filter(slug="hidden").update(published=False)
        self.clients = {"anonymous": Client()}
        for name, user in people.items():
            self.clients[name] = Client()
            self.clients[name].force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def _place(self, slug: str) -> Place:
        contest = make_contest(slug, starters={"baseline.py": b"print(1)\n"})
        contest.organisers.add(self.people["organiser"])
        for name in ("contestant", "other"):
            join(contest, self.people[name])
        version = task_version_of(contest)
        hidden = HiddenFile.objects.create(
            task_version=version, name="hidden.csv", blob=make_blob(b"id\n9\n")
        )
        submission = make_submission(
            contest,
            self.people["contestant"],
            kind="notebook",
            status="FINISHED",
            public_score=0.5,
            private_score=0.25,
            log=b"hello\n",
            files={"notebook.ipynb": b"{}", PAGE: b"<p>cell</p>", "submission.csv": b"id,target\n3,1\n"},
        )
        run = submission.runs.get()
        place = Participation.objects.get(contest=contest, user=self.people["contestant"])
        email, _ = EmailAddress.objects.get_or_create(
            user=self.people["contestant"], email="contestant@example.org"
        )
        file = version.files.get(name="train.csv")
        board = Board.objects.filter(phase__contest=contest).first()
        assert board is not None
        pool = make_pool("cpu")
        rows = {
            "contests/contest": contest.pk,
            "contests/task": version.task_id,
            "contests/startercode": StarterCode.objects.get(contest=contest).pk,
            "contests/participation": place.pk,
            "contests/team": submission.team_id,
            "contests/submission": submission.pk,
            "contests/check": make_check(version, user=self.people["organiser"]).pk,
            "judge/run": run.pk,
            "judge/job": run.jobs.get().pk,
            "leaderboard/board": board.pk,
            "leaderboard/boardentry": BoardEntry.objects.filter(board__phase__contest=contest).values_list(
                "pk", flat=True
            )[0],
            "leaderboard/score": Score.objects.get(submission=submission).pk,
            "compute/environment": version.environment_id,
            "compute/pool": pool.pk,
            "compute/pooltoken": pool.tokens.get().pk,
            "compute/runnerhost": (pool.hosts.first() or make_host(pool)).pk,
            "accounts/user": self.people["contestant"].pk,
            "account/emailaddress": email.pk,
            "operations/notice": Notice.objects.get_or_create(message="Soon")[0].pk,
        }
        values = {
            "slug": contest.slug,
            "contest_id": contest.pk,
            "section": "evaluation",
            "submission_id": submission.pk,
            "phase_id": phase_of(contest).pk,
            "task_id": version.task_id,
            "participation_id": place.pk,
            "token_id": self.people["contestant"].api_tokens.get().pk,
            "file_id": file.pk,
            "hidden_id": hidden.pk,
            "version": version.environment.version,
            "host": "host-1",
            "filename": "none.whl",
            "app_label": "contests",
            "url": "nowhere",
            "key": "none",
            "uidb36": "1",
            "content_type_id": "1",
        }
        return Place(contest, submission, values, rows)


def outcome(answer: HttpResponseBase) -> str:
    """What became of a request, as a letter of the table."""
    status = answer.status_code
    if status in {301, 302} and answer["Location"].startswith(("/accounts/login/", "/admin/login/")):
        return "?"
    return {401: "?", 403: "!", 404: ".", 405: "x"}.get(status, "5" if status >= 500 else "+")
