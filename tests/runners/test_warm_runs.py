"""Jobs in warm sandboxes, by the real agent: used once, tied to the agent until then and free of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runners.agent_stage import ENVIRONMENT, AgentStage, stage, until

pytestmark = pytest.mark.sandbox
GOOD = "print('hello')\nopen('submission.csv', 'w').write('id,target\\n1,2\\n')\n"


@pytest.fixture(name="on")
def _on(tmp_path: Path) -> Iterator[AgentStage]:
    with stage(tmp_path) as staged:
        yield staged


def warm(on: AgentStage) -> list[str]:
    home = on.agent_dir / "warm"
    return [path.parent.name for path in home.glob("*/ready.json")] if home.exists() else []


def test_a_job_runs_in_a_warm_sandbox_and_another_takes_its_place(on: AgentStage) -> None:
    on.start_agent(PODIUM_WARM="bare=1")
    until(lambda: warm(on), "one is ready")
    (first,) = warm(on)
    job = on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT))
    assert job.finishes[0]["stages"]["warm"] == 1
    assert bytes(job.log) == b"hello\n"
    until(lambda: warm(on), "another is ready")
    assert warm(on) != [first]
    on.nothing_left()
