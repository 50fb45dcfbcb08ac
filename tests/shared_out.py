"""`-p tests.shared_out` gives the workers whole files, the longest first, and no two at once that disturb each other.

For pytest-xdist's `--dist loadgroup --no-loadscope-reorder`. A file's tests stay together, because they share what they
start. One that takes long and comes last would keep one worker busy alone.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

# More than a minute each, the longest first.
LONG = (
    "tests/compose/test_compose.py",
    "tests/faults/test_chaos.py",
    "tests/faults/test_killed.py",
    "tests/operations/test_backup.py",
    "tests/faults/test_lost_hosts.py",
    "tests/whole/test_podium_runner.py",
    "tests/corpus_runs/test_judge_corpus.py",
    "tests/runners/test_notebook_hostile.py",
    "tests/faults/test_hostile.py",
    "tests/operations/test_proxies.py",
)
# They make and remove network interfaces, or open a browser, which breaks off what it loads when one comes or goes.
INTERFACES = ("tests/compose/", "tests/scale/test_two_hosts.py", "tests/e2e/", "tests/live/test_browser.py")
_PLACES = {path: place for place, path in enumerate(LONG)}


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """A wrapper, as it has to come before pytest-xdist's, which writes the groups into the names of the tests."""
    for path in (*LONG, *INTERFACES):
        if not (config.rootpath / path).exists():
            raise pytest.UsageError(f"tests/shared_out.py names {path}, which is not there")
    files = {item: item.path.relative_to(config.rootpath).as_posix() for item in items}
    for item, file in files.items():
        item.add_marker(pytest.mark.xdist_group("interfaces" if file.startswith(INTERFACES) else file))
    items.sort(key=lambda item: _PLACES.get(files[item], len(LONG)))
    yield
