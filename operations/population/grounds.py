"""The contest that is filled, with its task, its people and their teams."""

from __future__ import annotations

import dataclasses
import datetime
import random

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import User
from compute import pools
from compute.models import Environment, Pool
from contests import blobs, joining, names
from contests.models import Blob, Contest, DataFile, Participation, Phase, Task, TaskVersion, Team
from leaderboard import boards
from operations.population import crowd

BATCH = 2000
DAYS = 90  # for so long it has been open
ENVIRONMENT = "0123456789ab"  # a version that no host has: nothing of this is ever run
FILES = 500  # different ones that were handed in, each really there
DATA = {"train.csv": b"id,x,target\n1,0.5,1\n2,0.1,0\n", "sample_submission.csv": b"id,target\n3,0\n4,0\n"}
SOLUTION = b"id,target,Usage\n3,1,Public\n4,0,Private\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Grounds:
    """Members are users' keys, by the team's place in `teams`."""

    contest: Contest
    phase: Phase
    version: TaskVersion
    scoring: Pool
    files: list[Blob]
    teams: list[int]
    members: list[list[int]]


def prepare(slug: str, teams: int, dice: random.Random) -> Grounds:
    contest = Contest.objects.create(
        slug=slug, title=slug.replace("-", " ").capitalize(), summary="Made up, to try size.", published=True
    )
    starts_at = timezone.now() - datetime.timedelta(days=DAYS)
    phase = Phase.objects.create(contest=contest, starts_at=starts_at, daily_limit=50)
    boards.open_boards(phase)
    version = _task(phase)
    found, members = _people(contest, teams, dice)
    files = [
        blobs.store_bytes(f"id,target\n3,{number}\n4,0\n".encode()) for number in range(min(FILES, teams))
    ]
    return Grounds(contest, phase, version, _pool("scoring"), files, found, members)


def _task(phase: Phase) -> TaskVersion:
    python, scoring = (_environment(name) for name in ("python", "scoring"))
    version = TaskVersion.objects.create(
        task=Task.objects.create(phase=phase, slug="main", title="Main task"),
        kinds=["predictions", "script"],
        metric="accuracy",
        target_columns=["target"],
        pool=_pool("cpu"),
        environment=python,
        scoring_environment=scoring,
        solution=blobs.store_bytes(SOLUTION),
    )
    version.environments.add(python)
    for name, content in DATA.items():
        DataFile.objects.create(task_version=version, name=name, blob=blobs.store_bytes(content))
    return version


def _environment(name: str) -> Environment:
    known = Environment.objects.filter(name=name).order_by("-pk").first()
    return known or pools.register_environment(name=name, version=ENVIRONMENT, packages=[])


def _pool(slug: str) -> Pool:
    """One that nobody has the token of, where there is none."""
    return Pool.objects.get_or_create(slug=slug, defaults={"trusted": slug == "scoring"})[0]


def _people(contest: Contest, teams: int, dice: random.Random) -> tuple[list[int], list[list[int]]]:
    """Nobody can sign in as one of them: they have no passwords."""
    sizes = crowd.sizes(teams, dice)
    people = User.objects.bulk_create(
        (
            User(
                username=f"{contest.slug}-{n}",
                email=f"{contest.slug}-{n}@example.org",
                password=make_password(None),
            )
            for n in range(sum(sizes))
        ),
        batch_size=BATCH,
    )
    made = Team.objects.bulk_create(
        (
            Team(contest=contest, name=name, name_key=names.key(name))
            for name in (f"Team {n} of {contest.slug}" for n in range(teams))
        ),
        batch_size=BATCH,
    )
    keys, members, taken = [user.pk for user in people], list[list[int]](), 0
    for size in sizes:
        members.append(keys[taken : taken + size])
        taken += size
    digest = joining.rules_digest(contest)
    Participation.objects.bulk_create(
        (
            Participation(contest=contest, user_id=user, team=team, rules_digest=digest)
            for team, own in zip(made, members, strict=True)
            for user in own
        ),
        batch_size=BATCH,
    )
    return [team.pk for team in made], members
