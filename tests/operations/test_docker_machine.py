"""A machine whose pools run in Docker: the same site, judge and agent, told by two settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runners.environments import definitions
from runners.environments.image_engine import ImageEngine
from runners.environments.own_images import admit
from tests import own_image
from tests.stack import ENVIRONMENTS, PERFECT, Stack, eventually, running_stack

pytestmark = [pytest.mark.sandbox, pytest.mark.once]

WHERE = (
    b"""
import os, platform
text = open("/vision.txt").read() if os.path.exists("/vision.txt") else "podium"
print("image:", text, "kernel:", platform.release())
"""
    + PERFECT
)


@pytest.fixture(scope="module")
def machine(services: None, docker_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Programs run in containers, scores are made by gVisor's."""
    settings = {"PODIUM_SANDBOX": "docker", "PODIUM_DOCKER_HOST": docker_host}
    folder = tmp_path_factory.mktemp("docker")
    with running_stack(folder, pools="cpu:1,scoring:1:runsc", **settings) as started:
        yield started


def log_of(machine: Stack, submission: str) -> str:
    with machine.client() as client:
        return client.get(f"/api/v1/submissions/{submission}/log/").text


def test_a_program_runs_in_a_container_and_its_score_arrives(machine: Stack) -> None:
    submission = machine.submit(WHERE)
    assert machine.wait_verdict(submission)["public_score"] == 1.0, machine.logs()
    told = machine.query(
        "from compute.models import RunnerHost\n"
        "print(sorted((h.pool.slug, h.sandbox, len(h.preflight) > 8) for h in RunnerHost.objects.all()))\n"
        "from judge.models import Run\n"
        f"print(Run.objects.get(submission='{submission}').facts['sandbox'])"
    )
    assert "[('cpu', 'docker', True), ('scoring', 'runsc', True)]" in told
    assert told.split()[-1] == "docker"


def test_a_program_runs_in_an_organisers_own_image_when_its_host_has_it(
    machine: Stack, docker_host: str
) -> None:
    image = own_image.build(
        docker_host, own_image.VISION, base=f"podium/python:{definitions()['python'].version}"
    )
    ImageEngine(docker_host).tag(image, "lab/i-vision", "1")
    identity = f"lab/i-vision@{image}"
    machine.query(
        "from compute.models import Environment\nfrom contests.models import TaskVersion\n"
        f"own = Environment.objects.create(name='vision', version='{image[7:19]}', image='{identity}')\n"
        "[v.environments.add(own) for v in TaskVersion.objects.filter(task__phase__contest__slug='tiny')]"
    )
    submission = machine.submit(WHERE, environment="vision")
    record = ENVIRONMENTS / "own-images" / f"{image.partition(':')[2]}.json"
    try:
        assert machine.submission(submission)["status"] == "QUEUED"
        admit(identity, ENVIRONMENTS, docker_host, lambda _line: None)
        assert machine.wait_verdict(submission)["public_score"] == 1.0, machine.logs()
        eventually(lambda: "image: own" in log_of(machine, submission), what="the image's own file was read")
    finally:
        record.unlink(missing_ok=True)
        ImageEngine(docker_host).remove_image("lab/i-vision:1")
