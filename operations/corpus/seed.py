"""The rows of a corpus's private site: its people, and the built-in task once for each set of limits."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from compute.models import Environment, Pool
from contests import blobs
from contests.models import Contest, DataFile, HiddenFile, Phase, Task, TaskVersion
from leaderboard import boards
from operations import preparing
from operations.corpus import task
from operations.corpus.canaries import Canaries
from runners.spec import Limits

CONTESTANT, ANOTHER = "contestant", "another"
POOLS = ("cpu", "scoring")
KINDS = ("predictions", "script", "notebook", "project")
HIDDEN_KINDS = ("script", "notebook", "project")
DAILY = 10_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A contest to open: the built-in task under these limits, with its features hidden or not."""

    slug: str
    limits: Limits
    hidden: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the private site shall hold. It holds secrets: it is written where only the operator reads."""

    places: tuple[Place, ...]
    canaries: Canaries
    features: tuple[str, ...]
    password: str

    def as_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Plan:
        raw = json.loads(path.read_text(encoding="utf-8"))
        places = [Place(**{**place, "limits": Limits.from_json(place["limits"])}) for place in raw["places"]]
        canaries = Canaries(raw["canaries"]["tokens"], tuple(raw["canaries"]["features"]))
        return cls(
            places=tuple(places),
            canaries=canaries,
            features=tuple(raw["features"]),
            password=raw["password"],
        )


def seed(plan: Plan) -> dict[str, str]:
    """Fill an empty database; the API tokens by user name."""
    preparing.migrate()
    preparing.collect_static()
    preparing.open_local_pools(list(POOLS), settings.VAR / "secrets" / "pools")
    environments = preparing.register_environments()
    pool = Pool.objects.get(slug="cpu")
    data = task.make(plan.canaries, plan.features)
    for place in plan.places:
        _open(place, data, pool, environments)
    people = {name: User.objects.create_user(username=name, password=plan.password) for name in _people()}
    return {name: tokens.create_api_token(user=user, name="corpus") for name, user in people.items()}


def _people() -> tuple[str, str]:
    return CONTESTANT, ANOTHER


def _open(place: Place, data: task.Data, pool: Pool, environments: dict[str, Environment]) -> None:
    """The contest of one set of limits. It is published without a check: the task is ours and has a test."""
    contest = Contest.objects.create(slug=place.slug, title=place.slug, published=True)
    phase = Phase.objects.create(contest=contest, starts_at=timezone.now(), daily_limit=DAILY)
    version = TaskVersion.objects.create(
        task=Task.objects.create(phase=phase, slug="main", title="Above zero"),
        kinds=list(HIDDEN_KINDS if place.hidden else KINDS),
        metric="accuracy",
        target_columns=["target"],
        test_features_public=not place.hidden,
        limits=place.limits.as_json(),
        hidden_replies=1000,
        pool=pool,
        environment=environments["python"],
        scoring_environment=environments["scoring"],
        solution=_blob(data.hidden_solution if place.hidden else data.solution),
    )
    version.environments.set([environments["python"]])
    for name, text in (data.hidden_public if place.hidden else data.public).items():
        DataFile.objects.create(task_version=version, name=name, blob=_blob(text))
    for name, text in data.hidden.items() if place.hidden else ():
        HiddenFile.objects.create(task_version=version, name=name, blob=_blob(text))
    boards.open_boards(phase)


def _blob(text: str) -> Any:
    return blobs.store([text.encode()])
