"""An agent with devices: one run on each, whatever becomes of the agent, and none on a device that is not clean.

The devices are those of a table (PODIUM_GPUS=table:...), the agent, its shims and its sandboxes the real ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runners.agent_stage import ENVIRONMENT, AgentStage, stage, until
from tests.runners.site_stand_in import HeldJob

# Says what it was given, and goes on until it is cancelled or its time is over.
HOLD = """
import os, time
print("devices", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
time.sleep(60)
"""
SAY = """
import os
print("devices", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
open("submission.csv", "w").write("id,target\\n1,1\\n")
"""


class GpuStage:
    def __init__(self, staged: AgentStage, directory: Path) -> None:
        self.staged, self.site = staged, staged.site
        self.table = directory / "table.json"
        self.rows = {name: {"id": name, "memory_mb": 16384} for name in ("fake0", "fake1")}
        self.write()

    def set(self, device: str, **facts: Any) -> None:
        self.rows[device] |= facts
        self.write()

    def write(self) -> None:
        draft = self.table.with_suffix(".draft")
        draft.write_text(json.dumps({"devices": list(self.rows.values())}))
        draft.replace(self.table)

    def start(self, slots: int = 3, **env: str) -> None:
        known = {"PODIUM_GPUS": f"table:{self.table}", "PODIUM_POOLS": f"cpu:{slots}"}
        self.staged.start_agent(**(known | env))

    def add(self, program: str, gpus: int, **limits: Any) -> HeldJob:
        return self.site.add_job(program, environment=ENVIRONMENT, gpus=gpus, **limits)

    def said(self, job: HeldJob) -> str:
        """What the program said of its devices, as soon as it does."""
        until(lambda: b"\n" in job.log, f"{job.id} says its devices")
        return bytes(job.log).decode().split()[1]

    def states(self) -> dict[str, str]:
        reported = self.site.reports[-1]["devices"] if self.site.reports else ()
        return {told["id"]: told["state"] for told in reported}

    def until_reported(self, **states: str) -> None:
        until(lambda: self.states() == states, f"{states} reported")


@pytest.fixture
def gpus(tmp_path: Path) -> Iterator[GpuStage]:
    with stage(tmp_path) as staged:
        yield GpuStage(staged, tmp_path)


def test_each_run_has_a_device_of_its_own_and_a_third_waits_for_one(gpus: GpuStage) -> None:
    first, second, third = (gpus.add(HOLD, 1) for _ in range(3))
    gpus.start()
    until(lambda: sum(job.status == "RUNNING" for job in (first, second, third)) == 2, "two run")
    running = [job for job in (first, second, third) if job.status == "RUNNING"]
    said = {gpus.said(job) for job in running}
    assert said == {"fake0", "fake1"}
    plain = gpus.add(SAY, 0)  # who needs no device is not held up
    gpus.staged.finished(plain)
    assert bytes(plain.log) == b"devices None\n"
    waiting = next(job for job in (first, second, third) if job not in running)
    assert waiting.attempt == 0
    running[0].cancel = True
    assert gpus.said(waiting) == gpus.said(running[0])  # the device that fell free


def test_a_job_for_two_devices_has_both(gpus: GpuStage) -> None:
    both = gpus.add(SAY, 2)
    gpus.start()
    gpus.staged.finished(both)
    assert gpus.said(both) == "fake0,fake1"
    assert both.facts["gpu_s"] == pytest.approx(2 * both.facts["wall_s"], abs=0.01)


def test_a_run_that_outlives_its_agent_keeps_its_device(gpus: GpuStage) -> None:
    held = gpus.add(HOLD, 1)
    gpus.start()
    device = gpus.said(held)
    other = {"fake0": "fake1", "fake1": "fake0"}[device]
    gpus.staged.kill_agent()
    rivals = [gpus.add(SAY, 1) for _ in range(2)]
    gpus.start()
    for rival in rivals:
        gpus.staged.finished(rival)
        assert gpus.said(rival) == other
    gpus.until_reported(**{device: "leased", other: "free"})
    held.cancel = True
    gpus.staged.finished(held)
    gpus.until_reported(fake0="free", fake1="free")


def test_a_device_that_its_run_left_unclean_is_not_leased_before_it_is_clean(gpus: GpuStage) -> None:
    gpus.rows.pop("fake1")
    gpus.write()
    dirty = gpus.add(HOLD, 1)
    gpus.start()
    gpus.said(dirty)
    gpus.set("fake0", used_mb=9000, processes=1)
    dirty.cancel = True
    gpus.staged.finished(dirty)
    following = gpus.add(SAY, 1)
    gpus.until_reported(fake0="cleaning")
    assert gpus.site.reports[-1]["devices"][0]["reason"] == "processes that compute on it: 1"
    assert following.attempt == 0
    gpus.set("fake0", used_mb=3, processes=0)
    gpus.staged.finished(following)


def test_a_device_that_got_clean_rings_for_the_job_that_waits(gpus: GpuStage) -> None:
    gpus.rows.pop("fake1")
    gpus.set("fake0", used_mb=9000)
    waiting = gpus.add(SAY, 1)
    gpus.start(PODIUM_LOOK_EVERY_S="600")
    gpus.until_reported(fake0="cleaning")
    gpus.set("fake0", used_mb=0)
    gpus.staged.finished(waiting)


def test_a_device_that_stays_unclean_is_quarantined_and_the_log_says_how_to_mend_it(gpus: GpuStage) -> None:
    gpus.set("fake0", used_mb=9000)
    gpus.start()
    until(lambda: gpus.states().get("fake0") == "quarantined", "fake0 quarantined", timeout=20)
    said = gpus.staged.agent_log()
    assert said.count("device quarantined") == 1
    assert "9000 MB of its memory are in use" in said
    assert "nvidia-smi --gpu-reset" in said
    job = gpus.add(SAY, 1)
    gpus.staged.finished(job)
    assert gpus.said(job) == "fake1"


def test_what_a_device_does_is_told_with_the_run(gpus: GpuStage) -> None:
    job = gpus.add("import time\nprint('devices -', flush=True)\ntime.sleep(1.5)\n" + SAY, 1)
    gpus.rows.pop("fake1")
    gpus.write()
    gpus.start()
    gpus.said(job)
    gpus.set("fake0", used_mb=4000, percent=66)
    gpus.staged.finished(job)
    assert job.facts["gpu_memory_peak"] == 4000 << 20
    assert job.samples[-1][-2:] == [4000 << 20, 66.0]


def test_a_wrong_setting_stops_the_agent_with_a_line(gpus: GpuStage) -> None:
    gpus.start(PODIUM_GPUS="fake0:much")
    until(lambda: "PODIUM_GPUS" in gpus.staged.agent_log(), "the line")
    assert "is not <id>:<MB of memory>" in gpus.staged.agent_log()
