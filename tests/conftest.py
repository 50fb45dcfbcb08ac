"""What every test may use."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from django.utils import translation

from operations import notices
from tests.docker import docker_host
from tests.runners.tiny_environment import images, root
from tests.stack import stack

__all__ = ["docker_host", "images", "root", "stack"]


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it for garbage again and again is a tenth of a run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def services() -> None:
    """Asked for by whatever starts a site or a broker of its own: such tests run on both databases."""


@pytest.fixture(autouse=True)
def no_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages look for the operator's notice every other second: a query that would come and go in counts of queries."""
    notices.KEPT.know(None)
    monkeypatch.setattr(notices, "KEPT_S", 3600.0)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request in another language leaves its thread in that language; the next test starts in English."""
    with translation.override("en"):
        yield
