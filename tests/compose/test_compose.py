"""compose.yaml, with nothing replaced but where images come from: it judges, and it survives the death of each part."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.compose.composed import EMAIL_URL, SERVICES, Composed, composed
from tests.compose.network import NAME
from tests.docker import why_not
from tests.faults.test_killed import SLOW, assert_counted_once
from tests.runners.notebook_stage import notebook
from tests.stack import PERFECT, eventually
from tests.stack_seed import SOLUTION

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(1800)]
CAPABILITIES = {
    "database": {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"},  # until it is postgres's user
    "runner": {"CHOWN", "DAC_OVERRIDE", "KILL", "NET_ADMIN", "SYS_ADMIN", "SYS_NICE", "SYS_PTRACE"},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    if reason := why_not():
        pytest.skip(reason)
    with composed(Path("/var/lib") / f"{NAME}-runner") as stack:
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


def test_secrets_reach_the_processes_that_need_them_as_files(site: Composed) -> None:
    folder = site.var / "secrets"
    secrets = [path.read_text() for path in folder.iterdir() if path.stat().st_size > 20]
    secrets += re.findall(r":([^/@]{8,})@", " ".join(secrets))  # passwords in addresses
    assert len(secrets) >= 10
    told = site.docker("inspect", *map(site.container, SERVICES))
    told += site.docker("ps", "--all", "--no-trunc")
    assert not [secret for secret in secrets if secret in told]
    mail = site.query(
        "from django.conf import settings as s; print(f'{s.EMAIL_HOST_USER}:{s.EMAIL_HOST_PASSWORD}@')"
    )
    assert mail.strip() in EMAIL_URL
    right = (folder / "metrics_token").read_text()
    asked = {
        token: httpx.get(f"{site.url}/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})
        for token in ("", "wrong", right)
    }
    assert [answer.status_code for answer in asked.values()] == [404, 404, 200]
    assert "podium_ready 1" in asked[right].text


@pytest.mark.parametrize("service", SERVICES)
def test_each_process_may_do_what_it_needs_and_no_more(site: Composed, service: str) -> None:
    found = site.inspected(service)
    host, seen = found["HostConfig"], {mount["Destination"] for mount in found["Mounts"]}
    assert (host["ReadonlyRootfs"], host["Privileged"], host["CapDrop"]) == (True, False, ["ALL"])
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert ("/var/run/docker.sock" in seen) is (service == "runner")
    assert any(place.startswith("/run/secrets/") for place in seen) is (service != "runner")
    given = {name.removeprefix("CAP_") for name in host["CapAdd"] or []}
    assert given == CAPABILITIES.get(service, set())
    # What the kernel says of the process itself.
    told = Path(f"/proc/{found['State']['Pid']}/status").read_text()
    user = re.search(r"^Uid:\t(\d+)", told, re.MULTILINE)
    effective = re.search(r"^CapEff:\t(\w+)", told, re.MULTILINE)
    assert user
    assert effective
    assert (user[1] == "0") is (service == "runner")
    assert int(effective[1], 16).bit_count() == (len(given) if service == "runner" else 0)


def test_the_profile_of_gpus_adds_a_pool_and_a_runner_with_all_cards(site: Composed) -> None:
    """What the daemon would be told: this machine need not have a card."""
    found = yaml.safe_load(site.compose("--profile", "gpu", "config"))["services"]
    runner = found["gpu-runner"]
    (card,) = runner["deploy"]["resources"]["reservations"]["devices"]
    assert (card["driver"], sorted(card["capabilities"])) == ("nvidia", ["gpu", "utility"])
    assert card["count"] in {"all", -1}  # as 1.29 says it, and as v2 does
    told = {name: runner["environment"][f"PODIUM_{name}"] for name in ("POOLS", "GPUS", "ENVIRONMENTS")}
    assert told == {"POOLS": "gpu:1", "GPUS": "auto", "ENVIRONMENTS": "torch"}
    assert found["gpu-pool"]["environment"]["PODIUM_POOLS"] == "gpu"
    assert (set(runner["cap_add"]), runner["cap_drop"]) == (CAPABILITIES["runner"], ["ALL"])


ASK = """
import socket, sys
for address in sys.argv[1:]:
    try:
        socket.create_connection(address.split(":"), 1).close()
        print("reached")
    except OSError:
        print("not reached")
"""


def test_the_runner_reaches_the_site_and_neither_database_nor_broker(site: Composed) -> None:
    ports = {"web": 8000, "database": 5432, "redis": 6379}
    # By address: names of a network that it is not in are asked of the host's resolver, which takes its time.
    addresses = [f"{site.address(service)}:{port}" for service, port in ports.items()]
    said = site.docker("exec", site.container("runner"), "python3", "-c", ASK, *addresses)
    assert said.split("\n")[:3] == ["reached", "not reached", "not reached"]
    said = site.docker("exec", site.container("web"), "python3", "-c", ASK, *addresses)
    assert said.split("\n")[:3] == ["reached"] * 3


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_costs_time_and_nothing_else(site: Composed, service: str) -> None:
    submission = site.submit(SLOW)
    site.wait_status(submission, "RUNNING", "SCORING", "FINISHED")
    container = site.container(service)
    site.docker("kill", container)
    # Docker takes `docker kill` for the operator's wish, and starts nothing again by itself.
    if service == "web":
        site.up()  # what docs/operate.md says; slower
    else:
        site.docker("start", container)
    assert_counted_once(site, submission)
    eventually(lambda: site.healthy(service), within_s=90, what=f"{service} is healthy again")


def test_what_dies_is_started_again_without_anybody(site: Composed) -> None:
    submission = site.submit(SLOW)
    site.wait_status(submission, "RUNNING", "SCORING", "FINISHED")
    before = {service: site.inspected(service)["RestartCount"] for service in SERVICES}
    for service in SERVICES:
        site.kill(service)
    assert_counted_once(site, submission)
    after = {service: site.inspected(service)["RestartCount"] for service in SERVICES}
    assert [service for service in SERVICES if after[service] == before[service]] == []


def test_a_backup_brings_the_site_back_on_a_host_that_has_nothing(site: Composed, tmp_path: Path) -> None:
    """The commands of docs/operate.md, Backups."""
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    os.chown(folder, 10001, 10001)
    submission = site.submit(PERFECT)
    judged, board = site.wait_verdict(submission), site.board()
    assert judged["verdict"] == "SCORED"
    said = site.manage(folder, "backup", "/backups/today")
    assert "/backups/today: " in said
    assert "not in the store" not in said
    site.clear()
    site.up("database")
    assert "restored what was backed up at" in site.manage(folder, "restore", "/backups/today")
    site.up()
    eventually(site.answers, within_s=60, what="the site answers")
    assert site.submission(submission) == judged
    assert site.board() == board
    again = site.wait_verdict(site.submit(PERFECT), within_s=90)
    assert (again["verdict"], again["public_score"]) == ("SCORED", 1.0)
