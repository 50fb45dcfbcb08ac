"""The built-in corpus holds against nsjail: every verdict right, nothing left, nothing seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus_runs.passes import CORPUS, holds, is_whole, judged
from tests.stack import ROOT
from tools.corpus_guards import ALWAYS, GUARDS

pytestmark = pytest.mark.sandbox


@pytest.mark.alone
@pytest.mark.timeout(1500)
def test_the_whole_corpus_holds_against_nsjail(tmp_path: Path) -> None:
    found = judged(CORPUS, tmp_path)
    holds(found)
    is_whole(found)


def test_a_sandbox_that_cannot_be_had_is_refused_in_one_line(tmp_path: Path) -> None:
    found = judged(CORPUS, tmp_path, "--sandbox", "docker", PODIUM_DOCKER_HOST=f"unix://{tmp_path}/no.sock")
    assert found.status == 1
    assert "no.sock" in found.said
    assert "Traceback" not in found.said
    assert "preparing" not in found.said


def test_an_unknown_sandbox_is_refused(tmp_path: Path) -> None:
    found = judged(CORPUS, tmp_path, "--sandbox", "chroot")
    assert found.status == 2
    assert "nsjail" in found.said


def test_every_guard_of_the_mutation_check_is_still_where_it_says() -> None:
    for edit in (*ALWAYS, *(edit for guard in GUARDS for edit in guard.edits)):
        assert (ROOT / edit.file).read_text().count(edit.old) == 1, edit
