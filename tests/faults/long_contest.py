"""A contest whose programs may run for ten minutes, for what must outlive a lease or several agents."""

from __future__ import annotations

from tests.stack import Stack

SLUG = "long"
SEED = """
import dataclasses
from contests.models import Contest, TaskVersion
from tests import builders
from tests.stack_seed import FILES, LIMITS, SOLUTION
limits = dataclasses.replace(LIMITS, wall_s=600)
builders.make_contest('long', limits=limits, daily_limit=1000, files=FILES, solution=SOLUTION.encode())
old = TaskVersion.objects.get(task__phase__contest__slug='tiny')
new = TaskVersion.objects.get(task__phase__contest__slug='long')
new.environment, new.scoring_environment = old.environment, old.scoring_environment
new.save()
new.environments.set(old.environments.all())
"""


def open_long_contest(stack: Stack) -> None:
    stack.query(SEED)
