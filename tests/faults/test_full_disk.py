"""A disk that is full for a while costs time: nothing is claimed that could not run, nobody is given up."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runners.agent import examined, rundir
from runners.spec import JobKind, JobSpec, Limits
from tests.faults.chaos import disks
from tests.operations.test_supervisor import shell, supervisor_in
from tests.operations.test_supervisor import until as become
from tests.runners.agent_stage import ENVIRONMENT, stage, until

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk that is soon full"),
]


def sleepers() -> list[int]:
    return [child.pid for child in psutil.Process().children() if child.cmdline() == ["sleep", "60"]]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    disks.mount(place, 200)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_programs_are_kept_alive_while_the_disk_is_full_and_their_list_is_right_afterwards(
    disk: Path,
) -> None:
    async def story() -> None:
        supervisor, _ = supervisor_in(disk)
        child = supervisor.start(shell("sleeper", "exec sleep 60"))
        await child.ready()
        disks.fill(disk)
        for _ in range(2):
            killed = child.pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            await become(lambda: child.pid not in {None, killed}, within_s=30)  # noqa: B023 - awaited in this round
        disks.free(disk)
        listed = disk / "run" / "processes.json"
        await become(lambda: f'"pid": {child.pid}' in listed.read_text(), within_s=30)
        assert sleepers() == [child.pid]  # and none that was started and then forgotten
        await supervisor.stop()

    asyncio.run(story())


@pytest.mark.sandbox
def test_a_host_whose_disk_is_full_claims_nothing_until_there_is_room(tmp_path: Path, disk: Path) -> None:
    with stage(tmp_path) as on:
        (disk / examined.KEPT).write_bytes((on.agent_dir / examined.KEPT).read_bytes())
        disk.chmod(0o700)
        disks.fill(disk)
        job = on.site.add_job(
            "open('submission.csv', 'w').write('id,target\\n1,2\\n')\n", environment=ENVIRONMENT
        )
        on.start_agent(PODIUM_AGENT_DIR=str(disk))
        until(lambda: "nothing is claimed" in on.agent_log(), "the agent says why it waits")
        assert job.attempt == 0
        disks.free(disk)
        on.finished(job)
        assert (job.attempt, job.give_backs) == (1, [])
        on.stop_agent()


def test_a_run_that_finds_no_room_after_its_claim_leaves_nothing(disk: Path) -> None:
    spec = JobSpec(
        job_id="claimed",
        kind=JobKind.RUN,
        attempt=1,
        token="job_token",
        environment=ENVIRONMENT,
        argv=(),
        inputs=(),
        limits=Limits(),
        required_output="submission.csv",
    )
    disks.fill(disk)
    with pytest.raises(OSError, match="No space left"):
        rundir.create(disk, spec, 0)
    assert [path.name for path in disk.iterdir()] == [disks.FILLER]
