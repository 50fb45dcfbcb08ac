"""What every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import translation

from tests.docker import docker_host
from tests.runners.tiny_environment import images, root
from tests.stack import stack

__all__ = ["docker_host", "images", "root", "stack"]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request in another language leaves its thread in that language; the next test starts in English."""
    with translation.override("en"):
        yield
