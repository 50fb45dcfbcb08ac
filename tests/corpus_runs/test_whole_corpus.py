"""The built-in corpus holds against each sandbox: every verdict right, nothing left, nothing seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.corpus.reading import read_corpus
from tests.corpus_runs.passes import CORPUS, Pass, judged
from tests.docker import docker_host
from tests.stack import ROOT
from tools.corpus_guards import ALWAYS, GUARDS

__all__ = ["docker_host"]

pytestmark = [pytest.mark.sandbox, pytest.mark.alone, pytest.mark.timeout(900)]

# Contestants' programs start cold: making a warm sandbox for each takes longer than most cases do.
COLD = "scoring=1"
NEEDS_A_GPU = {"60-gpu-hog", "twin-gpu"}
# Programs and honest limits. gVisor's own limits are claimed only where they were seen to hold.
A_PART = "01,02,10,17,18,22,26,29,30,34,37,39,41,45,51,62,64a"


def has_a_gpu() -> bool:
    return Path("/dev/nvidiactl").exists()


def holds(found: Pass) -> None:
    assert found.failed() == {}, found.said
    assert (found.found["faults"], found.status) == ([], 0), found.said
    assert found.skipped() == (set() if has_a_gpu() else found.skipped() & NEEDS_A_GPU), found.said
    for name in found.skipped():
        assert f"{name}: skipped, needs 1 GPU" in found.said


def is_whole(found: Pass) -> None:
    assert {case["case"] for case in found.found["cases"]} == set(read_corpus(CORPUS).cases)


def test_the_whole_corpus_holds_against_nsjail(tmp_path: Path) -> None:
    found = judged(CORPUS, tmp_path)
    holds(found)
    is_whole(found)


def test_the_whole_corpus_holds_against_docker_without_warm_sandboxes(
    tmp_path: Path, docker_host: str
) -> None:
    found = judged(CORPUS, tmp_path, "--sandbox", "docker", PODIUM_DOCKER_HOST=docker_host, PODIUM_WARM=COLD)
    holds(found)
    is_whole(found)


def test_a_part_of_the_corpus_holds_against_docker_in_warm_sandboxes(
    tmp_path: Path, docker_host: str
) -> None:
    options = ("--sandbox", "docker", "--only", A_PART)
    holds(judged(CORPUS, tmp_path, *options, PODIUM_DOCKER_HOST=docker_host))


def test_a_part_of_the_corpus_holds_against_gvisor(tmp_path: Path, docker_host: str) -> None:
    options = ("--sandbox", "runsc", "--only", A_PART)
    holds(judged(CORPUS, tmp_path, *options, PODIUM_DOCKER_HOST=docker_host, PODIUM_WARM=COLD))


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
