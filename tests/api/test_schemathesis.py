"""Generated requests against the API's own description: no answer is our fault, and each is as described.

Every operation is asked with what its description allows and with what it does not, a few times each. The seed is
fixed, so a failure here is the same for everybody. Many more, by hand: `make fuzz EXAMPLES=200`.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck
from hypothesis.errors import Unsatisfiable
from pytest_django import DjangoDbBlocker
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.world import ROLES, World, description, make_world

SEED = 20_261_122
# Of either kind for each operation. What a first request of a kind costs is mostly its generator's making.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "4"))  # noqa: TID251 - given by hand, to this file alone
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
NAMES = {"data": "train.csv", "starter": "baseline.py", "environments": "python", "tasks": "extra.csv"}

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(120 + EXAMPLES)]
application = get_wsgi_application()


schema = schemathesis.openapi.from_dict(description())
schema.app = application
# One that cannot be read has no ok() and ends the tests here.
OPERATIONS = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One for all tests, each of which is rolled back.

    The end of a request closes the database's connection, and with it the test's own transaction.
    """
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


@pytest.fixture
def world(made: World, db: None) -> World:
    return made


def real(case: Any, world: World, digest: int) -> dict[str, Any]:
    """Seven addresses of eight lead somewhere: what is behind a random slug is always the same 404."""
    generated = dict(case.path_parameters or {})
    if digest % 8 == 0:
        return generated
    named = next((name for part, name in NAMES.items() if f"/{part}/" in case.path), "submission.csv")
    return {key: named if key == "name" else world.places[key] for key in generated}


def role_of(case: Any, digest: int) -> str:
    """Without a login most operations say the same 401 to whatever is sent."""
    public = {} in case.operation.definition.raw.get("security", [])
    if digest % 3 == 0 and (public or digest % 8 < 2):
        return "anonymous"
    return ROLES[1 + digest % 2]


def asked(operation: Any, mode: GenerationMode, world: World) -> int:
    """How many requests of this kind were sent; 0 where the operation takes nothing that could be wrong."""
    count = 0

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        nonlocal count
        count += 1
        digest = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
        case.path_parameters = real(case, world, digest)
        case.call_and_validate(checks=CHECKS, headers=world.headers(role_of(case, digest)))

    try:
        ask()
    except Unsatisfiable:
        return 0
    return count


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.label))
def test_no_request_breaks_the_site_and_every_answer_is_as_described(operation: Any, world: World) -> None:
    assert asked(operation, GenerationMode.POSITIVE, world) > 0
    # Of what only has names in its address every one is good: there is none, and that is 404.
    must = len(operation.query) + len(operation.body) > 0
    assert asked(operation, GenerationMode.NEGATIVE, world) > 0 or not must
