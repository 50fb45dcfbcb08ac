"""Processes that Docker or systemd keeps alive hold their var/ together, and nobody restores a backup under them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations import instance
from operations.instance import AlreadyRunning, Instance
from operations.layout import ROOT
from tests.stack import eventually

BECOMES = """
import sys
from pathlib import Path
from django.conf import settings
settings.configure()
from operations import starting
from operations.layout import Layout
from operations.processes import Machine
from operations.supervisor import Program
sleeps = Program(name="web", argv=(sys.executable, "-c", "print('up', flush=True); input()"), environment={})
starting.PROGRAMS["web"] = lambda machine: sleeps
var = Path(sys.argv[1])
starting.become("web", Machine(layout=Layout(var=var, environments=var), port=8000))
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def started(run: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two processes, by now the programs that they were to become."""
    argv = [sys.executable, "-c", BECOMES, str(run.parent)]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe) for _ in range(2)]
    try:
        for process in both:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
        yield both
    finally:
        for process in both:
            process.kill()
            process.communicate()


def test_a_site_is_used_as_long_as_one_of_its_processes_lives(
    run: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    assert instance.is_used(run)
    with pytest.raises(AlreadyRunning):
        Instance(run).take()
    started[0].kill()
    started[0].wait()
    assert instance.is_used(run)
    started[1].kill()
    started[1].wait()
    eventually(lambda: not instance.is_used(run), what="its lock ended with it")


def test_a_site_with_tls_and_no_word_of_its_proxy_is_told_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "start", "web"],
        cwd=ROOT,
        env=dict(os.environ)  # noqa: TID251 - a child's
        | {
            "PODIUM_SITE": "https://podium.example.org",
            "PODIUM_VAR": str(tmp_path),
            "PODIUM_BEHIND_PROXY": "0",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "set PODIUM_BEHIND_PROXY=1" in done.stderr.splitlines()[-1]


def test_a_site_that_never_ran_is_not_used(run: Path) -> None:
    assert not instance.is_used(run)
