"""`python -m tests.stack_seed` fills the database of a test stack and prints {"user": "API token", …}.

Contest `tiny` (accuracy; 8 public and 8 private rows; the right label is 1 where x > 0.5) in the environment
`python`, and `hasty`, the same with a wall limit of two seconds. The limits of both are small: a hostile script
meets them within seconds. `secret` takes programs and projects and hides its test features, which hold CANARY in a
column; its public test.csv is a sample of four other rows. `works` takes projects and hides nothing.
"""

from __future__ import annotations

import dataclasses
import json
import sys

import django

django.setup()

from django.conf import settings  # noqa: E402 - after Django is ready

from accounts import tokens  # noqa: E402
from compute.models import Environment  # noqa: E402
from contests.models import TaskVersion  # noqa: E402
from operations import preparing  # noqa: E402
from runners.spec import Limits  # noqa: E402
from tests import builders  # noqa: E402

USERS = ("alice", "bob", "carol")
ROWS = 16
CANARY = "canary7d21f4"
# The wall limit is generous: a busy machine gives a program a small part of a processor. `hasty` is for being late.
LIMITS = Limits(wall_s=60, cpu_s=20, memory_mb=512, pids=48, disk_mb=64, inodes=2000, log_kb=64, output_mb=8)


def x_of(row: int) -> float:
    return (row * 7 % ROWS) / ROWS


TRAIN = "id,x,target\n" + "".join(
    f"{100 + row},{x_of(row) + 0.01:.4f},{int(x_of(row) + 0.01 > 0.5)}\n" for row in range(ROWS)
)
TEST = "id,x\n" + "".join(f"{row},{x_of(row):.4f}\n" for row in range(ROWS))
SAMPLE = "id,target\n" + "".join(f"{row},0\n" for row in range(ROWS))
SOLUTION = "id,target,Usage\n" + "".join(
    f"{row},{int(x_of(row) > 0.5)},{'Public' if row % 2 else 'Private'}\n" for row in range(ROWS)
)
HIDDEN_TEST = "id,x,note\n" + "".join(f"{row},{x_of(row):.4f},{CANARY}\n" for row in range(ROWS))
PUBLIC_TEST = "id,x,note\n" + "".join(f"{200 + row},{x_of(row) + 0.02:.4f},open\n" for row in range(4))
FILES = {"train.csv": TRAIN.encode(), "test.csv": TEST.encode(), "sample_submission.csv": SAMPLE.encode()}


def seed() -> dict[str, str]:
    preparing.migrate()
    preparing.collect_static()
    preparing.open_local_pools(["cpu", "scoring"], settings.VAR / "secrets" / "pools")
    environments = preparing.register_environments()
    offered = [environments[name] for name in ("python", "torch", "tensorflow")]
    for slug, limits in (("tiny", LIMITS), ("hasty", dataclasses.replace(LIMITS, wall_s=2))):
        builders.make_contest(
            slug,
            kinds=("predictions", "script", "notebook"),
            limits=limits,
            daily_limit=1000,
            files=FILES,
            solution=SOLUTION.encode(),
        )
    for slug, kinds in (("secret", ("script", "notebook", "project")), ("works", ("project",))):
        builders.make_contest(
            slug,
            kinds=kinds,
            limits=LIMITS,
            daily_limit=1000,
            files=FILES | ({"test.csv": PUBLIC_TEST.encode()} if slug == "secret" else {}),
            solution=SOLUTION.encode(),
        )
    for version in TaskVersion.objects.filter(task__phase__contest__slug="secret"):
        version.test_features_public, version.hidden_replies = False, 50
        version.hidden_files.create(name="test.csv", blob=builders.make_blob(HIDDEN_TEST.encode()))
        version.save()
    for version in TaskVersion.objects.all():
        version.environment = environments["python"]
        version.scoring_environment = environments["scoring"]
        version.save()
        version.environments.set(offered)
    # Those that no host has: a new task would be given the newest of their names.
    Environment.objects.filter(version=builders.ENVIRONMENT_VERSION).delete()
    return {name: tokens.create_api_token(user=builders.make_user(name)) for name in USERS}


if __name__ == "__main__":
    json.dump(seed(), sys.stdout)
