"""Generated requests against the API's own description: no answer is our fault, and each is as described.

The seed is fixed, so a failure here is the same for everybody. More examples by hand:
`make test PYTEST="tests/api/test_schemathesis.py"` after raising EXAMPLES.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.world import ROLES, World, description, make_world

SEED = 20_261_122
EXAMPLES = 12
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
NAMES = {"data": "train.csv", "starter": "baseline.py", "environments": "python", "tasks": "extra.csv"}

pytestmark = pytest.mark.django_db
application = get_wsgi_application()


schema = schemathesis.openapi.from_dict(description())
schema.app = application


@pytest.fixture
def world() -> Iterator[World]:
    """The end of a request closes the database's connection, and with it the test's own transaction."""
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    yield make_world()
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


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


@schema.parametrize()
@hypothesis.seed(SEED)
@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_site_and_every_answer_is_as_described(case: Any, world: World) -> None:
    hypothesis.note(f"seed {SEED}")
    digest = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
    case.path_parameters = real(case, world, digest)
    case.call_and_validate(checks=CHECKS, headers=world.headers(role_of(case, digest)))
