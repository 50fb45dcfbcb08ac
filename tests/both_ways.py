"""The suite runs twice: on SQLite and Valkey, and (`pytest --postgres`) on PostgreSQL and Redis.

Theory of operation. A test runs the second time when its outcome may depend on the database or the broker, which is
decided by what it asks for, not by a list: a database of pytest-django's, or the fixture `services`, which whoever
starts a site or a broker of its own must ask for. Whoever forgets is told so in the first run already: `asked_for`
fails where a site or a broker is started for a test that did not ask. All other tests are left out the second time,
and so are those marked `once`: what a browser shows, a proxy passes on, a package installs or a sandbox ends needs a
site, but asks nothing of it that others do not.

The cluster is made once for a run and its workers: the process that pytest was started as owns it. Each worker has its
own database in it, and so has each stack, which is a copy of one that is migrated and seeded once.
"""

from __future__ import annotations

import pytest

from tests.cluster import cluster, deadlocks

DATABASE_FIXTURES = frozenset({"db", "transactional_db", "django_db_setup", "live_server", "services"})
_running: list[pytest.Item] = []


def touches(item: pytest.Item) -> bool:
    """Whether the outcome may depend on the database or the broker."""
    asked = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(asked & DATABASE_FIXTURES)


def asked_for(what: str) -> None:
    """Fail when the running test starts a database or a broker and did not say that it would."""
    if _running and not touches(_running[-1]):
        pytest.fail(f"{_running[-1].nodeid} starts {what}: it (or its fixture) must ask for `services`")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _running[:] = [item]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def wanted(item: pytest.Item) -> bool:
        if cluster():
            return touches(item) and item.get_closest_marker("once") is None
        return item.get_closest_marker("postgres") is None

    left_out = [item for item in items if not wanted(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if wanted(item)]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A deadlock costs whoever is chosen an error that no test may have looked at: here it fails the whole run."""
    if cluster() and not hasattr(session.config, "workerinput") and (found := deadlocks()):
        print("\n".join(["", "PostgreSQL found deadlocks:", *found]))  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
