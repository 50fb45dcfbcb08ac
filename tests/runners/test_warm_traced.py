"""Beside hidden features a script is run by a program of ours; its sandbox, too, may have waited for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.traced import bundle
from tests.runners.agent_stage import ENVIRONMENT, AgentStage, stage
from tests.runners.sandbox_stage import until
from tests.runners.site_stand_in import HeldJob

pytestmark = pytest.mark.sandbox
FAILING = "import sys\nassert sys.argv == ['/submission/main.py'], sys.argv\n{}['k']\n"


@pytest.fixture(name="on")
def _on(tmp_path: Path) -> Iterator[AgentStage]:
    with stage(tmp_path) as staged:
        yield staged
        staged.kill_agent()
        until(lambda: not list(staged.agent_dir.glob("warm/*/ready.json")), "the last warm sandboxes to go")


def _run(on: AgentStage) -> HeldJob:
    job = on.site.add_job(FAILING, environment=ENVIRONMENT, inputs={bundle.PROGRAM: bundle.build_zipapp()})
    job.fields |= {"kept": (bundle.TRACE,), "argv": bundle.argv("/submission/main.py")}
    return on.finished(job)


def test_the_second_one_finds_a_sandbox_that_waited_and_fails_at_the_same_line(on: AgentStage) -> None:
    on.start_agent(PODIUM_WARM="")  # one of each kind that ran lately
    cold = _run(on)
    until(lambda: list(on.agent_dir.glob("warm/*/ready.json")), "a warm sandbox", within_s=30)
    warm = _run(on)
    assert ["warm" in job.finishes[0]["stages"] for job in (cold, warm)] == [False, True]
    told = [json.loads(job.output(bundle.TRACE)) for job in (cold, warm)]
    assert told[0] == told[1] == {"file": "main.py", "line": 3, "exception": "KeyError"}
    on.nothing_left()
