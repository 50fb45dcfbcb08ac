"""`-p tests.longest_first` begins with the files that take longest, or one worker would end alone with them.

For pytest-xdist's `--dist loadfile --no-loadscope-reorder`, which hands out whole files in the order of their tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

# More than a minute each, the longest first.
LONG = (
    "tests/compose/test_compose.py",
    "tests/faults/test_chaos.py",
    "tests/faults/test_killed.py",
    "tests/operations/test_backup.py",
    "tests/scale/test_two_hosts.py",
    "tests/whole/test_podium_runner.py",
    "tests/e2e/test_content_policy.py",
    "tests/corpus_runs/test_judge_corpus.py",
    "tests/runners/test_notebook_hostile.py",
    "tests/operations/test_proxies.py",
    "tests/faults/test_hostile.py",
)
_PLACES = {path: place for place, path in enumerate(LONG)}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for path in LONG:
        if not (config.rootpath / path).is_file():
            raise pytest.UsageError(f"tests/longest_first.py names {path}, which is not there")
    items.sort(key=lambda item: _PLACES.get(_file(item, config.rootpath), len(LONG)))


def _file(item: pytest.Item, root: Path) -> str:
    return item.path.relative_to(root).as_posix()
