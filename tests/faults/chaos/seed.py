"""Run on the stack's own database: the contests of the storm and its people; prints their API tokens."""

from __future__ import annotations

import json
import sys

from accounts import tokens
from compute.models import Environment
from contests.models import Contest, TaskVersion
from runners.environments import definitions
from runners.spec import Limits
from tests import builders
from tests.faults.chaos import mix

# Wide in time: a busy machine must not turn a good program into a late one.
LIMITS = Limits(wall_s=120, cpu_s=60, memory_mb=512, pids=64, disk_mb=64, inodes=2000, log_kb=64, output_mb=8)


def seed(contestants: int, quota: int) -> None:
    contest = _open(mix.CONTEST, daily_limit=10_000)
    # In total, not by day: midnight may pass.
    contest.phases.update(total_limit=quota)
    _open(mix.CROWDED, daily_limit=mix.DAILY).phases.update(pending_limit=mix.PENDING)
    Environment.objects.filter(version=builders.ENVIRONMENT_VERSION).exclude(name=mix.UNREADY).delete()
    users = [builders.make_user(f"c{number:02d}") for number in range(contestants)]
    organiser = builders.make_user("organiser", staff=True)
    told = {
        "contestants": {user.username: tokens.create_api_token(user=user) for user in users},
        "organiser": tokens.create_api_token(user=organiser),
        "phase": contest.phases.get().pk,
    }
    json.dump(told, sys.stdout)


def _open(slug: str, *, daily_limit: int) -> Contest:
    contest = builders.make_contest(
        slug,
        kinds=("predictions", "script", "notebook", "project"),
        limits=LIMITS,
        daily_limit=daily_limit,
        files={"test.csv": mix.TEST.encode()},
        solution=mix.SOLUTION.encode(),
    )
    version = TaskVersion.objects.get(task__phase__contest=contest)
    known = {name: definitions()[name].identifier.partition("@")[2] for name in ("python", "scoring")}
    version.environment = Environment.objects.get(name="python", version=known["python"])
    version.scoring_environment = Environment.objects.get(name="scoring", version=known["scoring"])
    version.save()
    version.environments.set([version.environment, builders.make_environment(mix.UNREADY)])
    return contest
