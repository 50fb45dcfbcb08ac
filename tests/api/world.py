"""A small site with something behind every address of the API, and three people who ask: see `World.headers`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from contests.models import Check, Contest, Participation, StarterCode, Submission
from judge.models import UsageSample
from runners.verdict import Verdict
from tests.builders import (
    fill_board,
    join,
    make_api_token,
    make_contest,
    make_submission,
    make_user,
    phase_of,
    task_version_of,
)

ROLES = ("anonymous", "contestant", "organiser")
TEXT = b"id,target\n3,1\n4,0\n"


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """`places` fills the variables of addresses with what is there."""

    contest: Contest
    submission: Submission
    places: dict[str, str | int]
    tokens: dict[str, str]

    def headers(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Token {self.tokens[role]}"} if role in self.tokens else {}


def description() -> dict[str, Any]:
    """The API's own, as it is served: nothing in it is lazy."""
    made = SchemaGenerator(urlconf="config.api_urls").get_schema(  # type: ignore[no-untyped-call]
        request=None, public=True
    )
    found: dict[str, Any] = json.loads(json.dumps(made, default=str))
    return found


def make_world() -> World:
    contestant = make_user("contestant", display_name="小明")
    organiser = make_user("organiser")
    organiser.is_staff = True
    organiser.save()
    contest = make_contest(
        "fuzzed",
        title_zh="模糊",
        environments=["python", "torch"],
        starters={"baseline.py": b"print(1)\n"},
        licence="CC BY 4.0",
        daily_limit=1000,
    )
    contest.organisers.add(organiser)
    make_contest("hidden", published=False).organisers.add(organiser)
    make_contest("later", starts_at=timezone.now() + dt.timedelta(days=1))
    make_contest("ruled", rules="Be fair.", rules_zh="公平竞争。")
    place = join(contest, contestant)
    waiting = join(contest, make_user("waiting"))
    Participation.objects.filter(pk=waiting.pk).update(state=Participation.State.PENDING)
    fill_board(contest, 3)
    submission = make_submission(
        contest,
        contestant,
        status="FINISHED",
        public_score=0.5,
        log="第一行\nepoch 1\n".encode(),
        files={"submission.csv": TEXT},
        errors=[],
    )
    make_submission(contest, contestant, status="QUEUED")
    make_submission(
        contest,
        contestant,
        status="FINISHED",
        verdict=Verdict.INVALID_OUTPUT,
        errors=[{"code": "missing_ids", "params": {"count": 1}, "message": "One id is missing."}],
    )
    _used(submission)
    version = task_version_of(contest)
    Check.objects.create(
        task_version=version,
        started_by=organiser,
        status=Check.Status.RED,
        digest="0" * 64,
        findings=[{"code": "unknown", "params": {"row": 3}, "message": "Row 3 is odd."}],
        rows={"public": 1, "private": 1, "ignored": 0},
        finished_at=timezone.now(),
    )
    tokens = {"contestant": make_api_token(contestant), "organiser": make_api_token(organiser)}
    places: dict[str, str | int] = {
        "slug": contest.slug,
        "submission_id": str(submission.pk),
        "phase_id": phase_of(contest).pk,
        "task_id": version.task_id,
        "participation_id": place.pk,
        "token_id": contestant.api_tokens.get().pk,
        "name": "submission.csv",
        "version": version.environment.version,
        "host": "host-1",
    }
    assert StarterCode.objects.filter(contest=contest).exists()
    return World(contest, submission, places, tokens)


def _used(submission: Submission) -> None:
    job = submission.runs.get().jobs.get()
    for number in range(3):
        UsageSample.objects.create(
            job=job, attempt=1, number=number, wall_s=number, cpu_s=number, memory=1 << 20, disk=0
        )
