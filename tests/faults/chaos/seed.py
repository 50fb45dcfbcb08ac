"""Run on the stack's own database: the contest of the storm and its contestants; prints {"user": "API token"}."""

from __future__ import annotations

import json
import sys

from accounts import tokens
from compute.models import Environment
from contests.models import TaskVersion
from runners.environments import definitions
from runners.spec import Limits
from tests import builders
from tests.faults.chaos import mix

# Wide in time: a busy machine must not turn a good program into a late one.
LIMITS = Limits(wall_s=60, cpu_s=60, memory_mb=512, pids=64, disk_mb=64, inodes=2000, log_kb=64, output_mb=8)


def seed(contestants: int, quota: int) -> None:
    contest = builders.make_contest(
        mix.CONTEST,
        kinds=("predictions", "script", "notebook", "project"),
        limits=LIMITS,
        daily_limit=10_000,
        files={"test.csv": mix.TEST.encode()},
        solution=mix.SOLUTION.encode(),
    )
    # In total, not by day: midnight may pass.
    contest.phases.update(total_limit=quota)
    version = TaskVersion.objects.get(task__phase__contest=contest)
    known = {name: definitions()[name].identifier.partition("@")[2] for name in ("python", "scoring")}
    version.environment = Environment.objects.get(name="python", version=known["python"])
    version.scoring_environment = Environment.objects.get(name="scoring", version=known["scoring"])
    version.save()
    version.environments.set([version.environment])
    Environment.objects.filter(version=builders.ENVIRONMENT_VERSION).delete()
    users = [builders.make_user(f"c{number:02d}") for number in range(contestants)]
    json.dump({user.username: tokens.create_api_token(user=user) for user in users}, sys.stdout)
