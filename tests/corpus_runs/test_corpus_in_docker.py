"""The built-in corpus holds against Docker, and a part of it against gVisor; nsjail: test_whole_corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus_runs.passes import CORPUS, holds, is_whole, judged
from tests.docker import docker_host

__all__ = ["docker_host"]

pytestmark = [pytest.mark.sandbox, pytest.mark.alone, pytest.mark.timeout(1500)]

# Programs start cold: making a warm sandbox for each takes longer than most cases do. Warm ones have nsjail's pass
# and runners/test_docker_warm.
COLD = "scoring=1"
# Programs and honest limits. gVisor's own limits are claimed only where they were seen to hold.
A_PART = "01,02,10,17,18,22,26,30,34,41,45,62"


def test_the_whole_corpus_holds_against_docker(tmp_path: Path, docker_host: str) -> None:
    found = judged(CORPUS, tmp_path, "--sandbox", "docker", PODIUM_DOCKER_HOST=docker_host, PODIUM_WARM=COLD)
    holds(found)
    is_whole(found)


def test_a_part_of_the_corpus_holds_against_gvisor(tmp_path: Path, docker_host: str) -> None:
    options = ("--sandbox", "runsc", "--only", A_PART)
    holds(judged(CORPUS, tmp_path, *options, PODIUM_DOCKER_HOST=docker_host, PODIUM_WARM=COLD))
