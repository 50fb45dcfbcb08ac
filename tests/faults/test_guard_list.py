"""The list of tools/fault_guards.py names code as it is: whoever moves a guard mends the list."""

from __future__ import annotations

import pytest

from tests.stack import ROOT
from tools.fault_guards import GUARDS, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_is_where_the_list_says_and_its_test_exists(guard: Guard) -> None:
    for edit in guard.edits:
        assert (ROOT / edit.file).read_text(encoding="utf-8").count(edit.old) == 1, edit
    file, name = guard.test
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
