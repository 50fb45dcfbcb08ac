"""A task that asks for a GPU, from the upload to the sums, on a host whose devices are those of a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import PERFECT, Stack, eventually, running_stack

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.once]

BUSY = b"""
import os, time
assert os.environ["CUDA_VISIBLE_DEVICES"] == "fake0"
print("busy", flush=True)
time.sleep(2)
"""
ASK_FOR_ONE = """
from contests.models import TaskVersion
version = TaskVersion.objects.get(task__phase__contest__slug="tiny")
version.limits["gpus"] = 1
version.save()
plain = TaskVersion.objects.get(task__phase__contest__slug="hasty")
plain.limits["wall_s"] = 60
plain.save()
"""


def write(table: Path, *devices: dict[str, Any]) -> None:
    draft = table.with_suffix(".draft")
    draft.write_text(json.dumps({"devices": devices}))
    draft.replace(table)


@pytest.fixture(scope="module")
def gpu_stack(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Path]]:
    """A stack whose agent has no device yet, and its table; contest `tiny` asks for one."""
    folder = tmp_path_factory.mktemp("gpu")
    table = folder / "table.json"
    write(table)
    with running_stack(folder / "site", PODIUM_GPUS=f"table:{table}") as started:
        started.query(ASK_FOR_ONE)
        yield started, table


def test_a_submission_waits_for_a_gpu_gets_it_and_tells_what_it_did_with_it(
    gpu_stack: tuple[Stack, Path],
) -> None:
    stack, table = gpu_stack
    submission = stack.submit(BUSY + PERFECT)
    plain = stack.submit(PERFECT, contest="hasty")
    assert stack.wait_verdict(plain)["verdict"] == "SCORED"  # it holds nobody up
    waiting = stack.submission(submission)["waiting_for"]
    assert waiting["gpus"] == 1
    write(table, {"id": "fake0", "memory_mb": 16384, "name": "Listed GPU"})
    stack.wait_status(submission, "RUNNING")
    write(table, {"id": "fake0", "memory_mb": 16384, "name": "Listed GPU", "used_mb": 5000, "percent": 90})
    judged = stack.wait_verdict(submission)
    write(table, {"id": "fake0", "memory_mb": 16384, "name": "Listed GPU"})  # clean, for the next
    assert judged["verdict"] == "SCORED"
    with stack.client() as client:
        found = client.get(f"/api/v1/submissions/{submission}/usage/").json()
    kept = json.loads(
        stack.query(
            "import json\nfrom judge import usage\nfrom judge.models import Run\n"
            "from compute.models import RunnerHost\n"
            f"run = Run.objects.get(submission='{submission}')\n"
            "devices = RunnerHost.objects.get(pool__slug='cpu').devices\n"
            "print(json.dumps([usage.series(run).rows, run.gpu_s, run.wall_s, run.facts, devices]))\n"
        )
    )
    rows, gpu_s, wall_s, facts, devices = kept
    assert rows[-1][-2:] == [5000 << 20, 90.0]
    assert gpu_s == pytest.approx(wall_s, abs=0.01)
    assert facts["gpu_memory_peak"] == 5000 << 20
    assert devices[0]["name"] == "Listed GPU"
    assert found["rows"][-1][-2:] == [5000 << 20, 90.0]


def test_the_device_of_a_run_whose_agent_is_killed_is_given_to_nobody_else(
    gpu_stack: tuple[Stack, Path],
) -> None:
    stack, table = gpu_stack
    write(table, {"id": "fake0", "memory_mb": 16384})
    first, second = stack.submit(BUSY + PERFECT), stack.submit(BUSY + PERFECT, user="bob")
    # Before its shim is there, a killed agent's job is begun anew, and that is no harm either.
    eventually(stack.speaking, within_s=60, what="the first one has the device")
    old = stack.kill("agent")
    stack.wait_restarted("agent", old)
    assert stack.wait_verdict(first)["verdict"] == "SCORED"
    assert stack.wait_verdict(second, user="bob")["verdict"] == "SCORED"
    times = eventually(
        lambda: json.loads(
            stack.query(
                "import json\nfrom judge.models import Run\n"
                f"runs = Run.objects.filter(submission__in={[first, second]}).order_by('started_at')\n"
                "jobs = [run.jobs.get(kind='run') for run in runs]\n"
                "print(json.dumps([[str(job.claimed_at), str(job.finished_at), job.attempt] for job in jobs]))\n"
            )
        )
    )
    assert times[0][1] <= times[1][0]  # one after the other
    assert [attempt for *_, attempt in times] == [1, 1]
