"""An organiser's own image is brought to a host by its operator, by digest, and looked over before any run has it."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.environments import BuildError, PackagesUnreachableError
from runners.environments.image_engine import ImageEngine
from runners.environments.own_images import admit, admitted, find_own
from tests import own_image
from tests.docker import ROOT
from tests.own_image import VISION, Registry

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def shop(docker_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with own_image.registry(docker_host, tmp_path_factory.mktemp("registry")) as running:
        yield running


def name() -> str:
    return f"lab/i-{uuid.uuid4().hex[:8]}"


def _quietly(_line: str) -> None: ...


def test_an_image_is_fetched_by_its_digest_and_admitted(shop: Registry, tmp_path: Path) -> None:
    identity = shop.push(own_image.build(shop.host, VISION), name())
    assert admitted(tmp_path, shop.host) == []
    said: list[str] = []
    admit(identity, tmp_path, shop.host, said.append)
    assert "Python 3." in said[-1]
    assert admitted(tmp_path, shop.host) == [identity]
    image = find_own(identity, tmp_path, shop.host)
    assert (ImageEngine(shop.host).image(image) or {})["RepoDigests"] == [identity]


def test_an_image_that_lies_at_the_daemon_but_was_not_admitted_is_not_offered(
    shop: Registry, tmp_path: Path
) -> None:
    image = own_image.build(shop.host, VISION)
    repository = name()
    ImageEngine(shop.host).tag(image, repository, "1")
    identity = f"{repository}@{image}"
    with pytest.raises(LookupError, match="not admitted"):
        find_own(identity, tmp_path, shop.host)
    admit(identity, tmp_path, shop.host, _quietly)  # as one that `docker load` brought: by its own id
    assert find_own(identity, tmp_path, shop.host) == image
    ImageEngine(shop.host).remove_image(f"{repository}:1")
    assert admitted(tmp_path, shop.host) == []
    with pytest.raises(LookupError):
        find_own(identity, tmp_path, shop.host)


@pytest.mark.parametrize("wrong", ["python:3.11", "python", f"python@sha256:{'g' * 64}", "python@sha256:abc"])
def test_whatever_is_no_digest_is_refused(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="does not name an image by digest"):
        admit(wrong, tmp_path, f"unix://{tmp_path}/never-asked.sock", _quietly)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("VOLUME /scratch", "VOLUME /scratch"),
        ("ENV LD_PRELOAD=/evil.so", "LD_PRELOAD"),
        ('RUN ["rm", "/usr/bin/python3"]', "python3 does not start"),
        ('RUN ["rm", "/bin/sh"]', "a shell does not start"),
    ],
)
def test_an_image_that_no_stranger_may_run_in_is_refused_with_the_reason(
    line: str, said: str, shop: Registry, tmp_path: Path
) -> None:
    image = own_image.build(shop.host, line)
    repository = name()
    ImageEngine(shop.host).tag(image, repository, "1")
    with pytest.raises(BuildError, match=said):
        admit(f"{repository}@{image}", tmp_path, shop.host, _quietly)
    assert admitted(tmp_path, shop.host) == []
    ImageEngine(shop.host).remove_image(f"{repository}:1")


def test_the_command_says_why_an_image_cannot_be_fetched(shop: Registry, tmp_path: Path) -> None:
    missing = f"{shop.address}/lab/nothing@sha256:{'0' * 64}"
    with pytest.raises(PackagesUnreachableError):
        admit(missing, tmp_path, shop.host, _quietly)
    done = subprocess.run(
        [sys.executable, "-m", "runners.environments", "pull", missing, "--root", str(tmp_path)],
        cwd=ROOT,
        env=dict(os.environ, PODIUM_DOCKER_HOST=shop.host),  # noqa: TID251  a child process
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "docker load" in done.stderr
