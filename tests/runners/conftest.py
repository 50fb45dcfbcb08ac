"""Fixtures of the sandbox tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runners.sandbox_stage import SandboxStage, host_traces, make_environment


@pytest.fixture(scope="session")
def bare_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv of this interpreter without packages."""
    return make_environment(tmp_path_factory.mktemp("environments") / "bare")


@pytest.fixture
def sandbox(tmp_path: Path, bare_environment: Path) -> Iterator[SandboxStage]:
    """Runs programs in real sandboxes; afterwards no process, mount, cgroup or file of them may be left."""
    before = host_traces()
    stage = SandboxStage(tmp_path, bare_environment)
    yield stage
    try:
        stage.assert_nothing_left()
        assert host_traces() == before
    finally:
        stage.end_all()
