"""`-p tests.shared_out` gives the workers whole files, the longest first, and no two at once that disturb each other.

For pytest-xdist with `--no-loadscope-reorder`. A file's tests stay together, because they share what they
start. One that takes long and comes last would keep one worker busy alone, so those that start a site come first.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

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


class WholeFiles(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """Files of INTERFACES count as one, so that one worker gets them all."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return "interfaces" if file.startswith(INTERFACES) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> WholeFiles:
    return WholeFiles(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for path in (*LONG, *INTERFACES):
        if not (config.rootpath / path).exists():
            raise pytest.UsageError(f"tests/shared_out.py names {path}, which is not there")
    starting = {item.path for item in items if "services" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> tuple[int, bool]:
        file = item.path.relative_to(config.rootpath).as_posix()
        return _PLACES.get(file, len(LONG)), item.path not in starting

    items.sort(key=place)
