"""Fixtures of the sandbox tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from runners.environments import definitions, find
from runners.environments.images import find_image
from runners.sandboxes.choice import Sandbox
from tests.runners.notebook_stage import NotebookStage, WarmNotebookStage
from tests.runners.sandbox_stage import WARM, SandboxStage, host_traces, make_environment
from tests.runners.warm_stage import WarmStage
from tests.stack import ENVIRONMENTS

Stage = TypeVar("Stage", bound=SandboxStage)


@pytest.fixture(scope="session")
def bare_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv of this interpreter without packages."""
    return make_environment(tmp_path_factory.mktemp("environments") / "bare")


@pytest.fixture(params=[Sandbox.NSJAIL, WARM, Sandbox.DOCKER])
def sandbox(
    request: pytest.FixtureRequest, tmp_path: Path, bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SandboxStage]:
    """Runs programs in real sandboxes; afterwards no process, mount, cgroup or file of them may be left.

    Whatever a test says holds for nsjail, cold and warm, and for Docker alike, unless it names its sandboxes itself.
    """
    if request.param is Sandbox.NSJAIL:
        yield from _watched(SandboxStage(tmp_path, bare_environment))
        return
    if request.param == WARM:
        yield from _watched(WarmStage(tmp_path, bare_environment))
        return
    host: str = request.getfixturevalue("docker_host")
    monkeypatch.setenv("PODIUM_DOCKER_HOST", host)
    image = find_image(definitions()["python"].identifier, host)
    stage = SandboxStage(tmp_path, bare_environment, request.param, image=image, docker_host=host)
    yield from _watched(stage)


@pytest.fixture
def notebooks(tmp_path: Path) -> Iterator[NotebookStage]:
    """Runs notebooks in real sandboxes with the real environment `python`, watched as `sandbox` is."""
    yield from _watched(NotebookStage(tmp_path, find(ENVIRONMENTS, definitions()["python"].identifier)))


@pytest.fixture
def warm_notebooks(tmp_path: Path) -> Iterator[WarmNotebookStage]:
    """The same, each with a kernel that has waited for it."""
    yield from _watched(WarmNotebookStage(tmp_path, find(ENVIRONMENTS, definitions()["python"].identifier)))


def _watched(stage: Stage) -> Iterator[Stage]:
    before = host_traces(stage.directory)
    yield stage
    try:
        stage.assert_nothing_left()
        assert host_traces(stage.directory) == before
    finally:
        stage.end_all()
