"""compose.yaml, with nothing replaced but where images come from: it judges, and it survives the death of each part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.composed import SERVICES, Composed, composed
from tests.docker import why_not
from tests.faults.test_killed import SLOW, assert_counted_once
from tests.runners.notebook_stage import notebook
from tests.stack import PERFECT, eventually
from tests.stack_seed import SOLUTION

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]
OF_THE_SITE = ("web", "judge", "beat", "publisher")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    if reason := why_not():
        pytest.skip(reason)
    with composed(Path("/var/lib/podium-tests-runner")) as stack:
        yield stack


def test_a_submission_of_each_sort_is_judged(site: Composed) -> None:
    right = "\n".join(line.rpartition(",")[0] for line in SOLUTION.splitlines()).encode()
    handed_in = {
        "predictions": site.submit(right, filename="right.csv"),
        "script": site.submit(PERFECT),
        "notebook": site.submit(notebook(PERFECT.decode()), filename="main.ipynb"),
    }
    judged = {kind: site.wait_verdict(name, within_s=120) for kind, name in handed_in.items()}
    assert {kind: (it["verdict"], it["public_score"]) for kind, it in judged.items()} == dict.fromkeys(
        handed_in, ("SCORED", 1.0)
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_costs_time_and_nothing_else(site: Composed, service: str) -> None:
    submission = site.submit(SLOW)
    site.wait_status(submission, "RUNNING", "SCORING", "FINISHED")
    site.docker("kill", site.container(service))
    site.up()  # Docker takes `docker kill` for the operator's wish, and starts nothing again by itself
    assert_counted_once(site, submission)
    eventually(lambda: site.healthy(service), within_s=90, what=f"{service} is healthy again")


def test_what_dies_is_started_again_without_anybody(site: Composed) -> None:
    submission = site.submit(SLOW)
    site.wait_status(submission, "RUNNING", "SCORING", "FINISHED")
    before = {service: site.inspected(service)["RestartCount"] for service in SERVICES}
    for service in SERVICES:
        site.kill(service)
    assert_counted_once(site, submission)
    assert {
        service: site.inspected(service)["RestartCount"] > before[service] for service in SERVICES
    } == dict.fromkeys(SERVICES, True)
