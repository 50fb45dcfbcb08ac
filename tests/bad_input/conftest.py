from __future__ import annotations

import pytest

from tests.bad_input.site import Reader, open_exact, reader_of
from tests.stack import Stack


@pytest.fixture(scope="session")
def site(stack: Stack) -> Stack:
    """The running site with the contest `exact` beside `tiny` and `hasty`."""
    open_exact(stack)
    return stack


@pytest.fixture(scope="session")
def reader(stack: Stack) -> Reader:
    return reader_of(stack)
