"""What an upgrade leaves alone: tasks go on in the version of the environment that they pin."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from compute import pools
from compute.models import Environment
from operations import preparing
from runners.environments import definitions
from tests.builders import make_environment, make_host, make_pool
from tests.stack import ENVIRONMENTS, running_stack

EARLIER = "ba9876543210"  # a version that this checkout does not define


def linked(source: Path, target: Path) -> None:
    """The same files at another place; copies where hard links cannot reach."""

    def link(one: str, other: str) -> str:
        try:
            os.link(one, other, follow_symlinks=False)
        except OSError:
            shutil.copy2(one, other, follow_symlinks=False)
        return other

    shutil.copytree(source, target, symlinks=True, copy_function=link)


@pytest.mark.sandbox
@pytest.mark.once
def test_a_task_that_pins_an_earlier_version_is_judged_in_it(services: None, tmp_path: Path) -> None:
    folder = tmp_path / "environments"
    for name in ("scoring", "python"):
        linked(definitions()[name].directory(ENVIRONMENTS), definitions()[name].directory(folder))
    linked(definitions()["python"].directory(ENVIRONMENTS), folder / "python" / EARLIER)
    with running_stack(tmp_path / "stack", PODIUM_ENVIRONMENTS_DIR=str(folder)) as stack:
        stack.query(
            "from compute.models import Environment\n"
            "from contests.models import TaskVersion\n"
            f"earlier = Environment.objects.create(name='python', version='{EARLIER}')\n"
            "for version in TaskVersion.objects.all():\n"
            "    version.environments.set([earlier])\n"
            "TaskVersion.objects.update(environment=earlier)\n"
        )
        submission = stack.submit()
        assert stack.wait_verdict(submission)["verdict"] == "SCORED"
        ran_in = stack.query(
            "from judge.models import Job\n"
            f"print(Job.objects.get(run__submission='{submission}', kind='run').environment.version, end='')"
        )
        assert ran_in == EARLIER


@pytest.mark.django_db
def test_a_version_that_no_host_has_is_not_called_built_because_a_later_one_is() -> None:
    pool = make_pool("cpu")
    earlier, later = make_environment("python"), Environment.objects.create(name="python", version="later")
    state = {
        "name": "python",
        "version": "later",
        "state": "ready",
        "percent": 100,
        "step": "Ready",
        "error": "",
    }
    make_host(pool, environments=[later], building={"python": state})
    assert pools.readiness(pool=pool, environment=later).ready
    missing = pools.readiness(pool=pool, environment=earlier)
    assert (missing.ready, missing.hosts, missing.percent) == (False, 1, None)


@pytest.mark.django_db
def test_environments_are_registered_with_the_packages_of_their_locks() -> None:
    Environment.objects.create(
        name="python", version=definitions()["python"].version
    )  # before packages were kept
    registered = preparing.register_environments()
    assert set(registered) == set(definitions())
    python = dict(Environment.objects.get(pk=registered["python"].pk).packages)
    assert {"numpy", "pandas", "scikit-learn", "matplotlib", "nbclient"} <= set(python)
    assert all(version[0].isdigit() for version in python.values())
    assert "appnope" not in python  # a package for another system
    assert dict(registered["torch"].packages)["torch"]
