"""compose.yaml, with nothing replaced but where images come from: it judges, and it survives the death of each part."""

from __future__ import annotations

import subprocess
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


@pytest.mark.parametrize("service", [*OF_THE_SITE, "runner"])
def test_secrets_are_files_and_privileges_are_the_runners_alone(site: Composed, service: str) -> None:
    found = site.inspected(service)
    secrets = [path.read_text() for path in (site.var / "secrets").iterdir() if path.stat().st_size > 20]
    told = " ".join(found["Config"]["Env"] + found["Config"]["Cmd"])
    assert len(secrets) >= 5
    assert not [secret for secret in secrets if secret in told]
    seen = {mount["Destination"] for mount in found["Mounts"]}
    host = found["HostConfig"]
    assert (host["ReadonlyRootfs"], host["Privileged"], host["CapDrop"]) == (True, False, ["ALL"])
    assert "no-new-privileges:true" in host["SecurityOpt"]
    of_the_site = service in OF_THE_SITE
    assert ("/var/run/docker.sock" in seen) is not of_the_site
    assert any(place.startswith("/run/secrets/") for place in seen) is of_the_site
    assert (found["Config"]["User"] == "10001:10001") is of_the_site
    assert (host["CapAdd"] is None) is of_the_site


def test_the_runner_reaches_the_site_and_neither_database_nor_broker(site: Composed) -> None:
    ask = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
    reached = {}
    for name, port in (("web", "8000"), ("database", "5432"), ("redis", "6379")):
        command = [
            "docker",
            "--host",
            site.host,
            "exec",
            site.container("runner"),
            "python3",
            "-c",
            ask,
            name,
            port,
        ]
        reached[name] = subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert reached == {"web": True, "database": False, "redis": False}


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
