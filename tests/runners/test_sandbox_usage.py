"""The usage curve that a real sandbox leaves: it moves as the program does, and ends where its facts do."""

from __future__ import annotations

import pytest

from runners.sandboxes import shims
from runners.usage import UsagePoint
from tests.runners.sandbox_stage import WRITE_OUTPUT, Result, SandboxStage, needs_cgroup, until

pytestmark = [pytest.mark.sandbox, pytest.mark.alone]
MIB = 1 << 20


def curve(result: Result) -> list[UsagePoint]:
    return shims.points(result.rundir, 0)


def test_a_program_that_computes_and_grows_leaves_a_rising_curve(sandbox: SandboxStage) -> None:
    result = sandbox.run(
        f"""
import time
held, end = [], time.monotonic() + 2
for step in range(4):
    held.append(bytearray(10 << 20))
    while time.monotonic() < end - 1.5 + step * 0.5:
        pass
open("/tmp/scratch", "wb").write(bytes(3 << 20))
{WRITE_OUTPUT}"""
    )
    assert result.verdict is None
    points, facts = curve(result), result.facts
    assert len(points) >= 6
    assert points[0].wall_s < 0.2
    memory = [point.memory for point in points]
    assert memory[-2] - memory[0] > 25 * MIB
    assert max(memory) == facts.memory_peak
    assert max(point.disk for point in points) == facts.disk_peak >= 3 * MIB
    assert (points[-1].wall_s, points[-1].cpu_s) == (facts.wall_s, facts.cpu_s)
    assert facts.cpu_s > 0.3  # of a second and a half, on a host that is busy
    assert sorted(point.cpu_s for point in points) == [point.cpu_s for point in points]


@needs_cgroup
def test_the_curve_of_a_program_killed_for_memory_touches_the_limit(sandbox: SandboxStage) -> None:
    result = sandbox.run(
        "held = [bytearray(200 << 20)]\nheld[0][::4096] = b'x' * len(held[0][::4096])",
        memory_mb=64,
        disk_mb=4,
    )
    assert result.facts.memory_peak >= 64 * MIB
    assert max(point.memory for point in curve(result)) == result.facts.memory_peak


def test_a_program_that_ends_at_once_has_its_last_point(sandbox: SandboxStage) -> None:
    result = sandbox.run(WRITE_OUTPUT)
    assert curve(result)[-1].wall_s == result.facts.wall_s


def test_the_curve_is_there_while_the_program_runs(sandbox: SandboxStage) -> None:
    rundir = sandbox.launch("import time\ntime.sleep(30)")
    until(lambda: len(shims.points(rundir, 0)) > 2, "points of a running program")
    assert shims.points(rundir, 2)[0].number == 2
    shims.cancel(rundir)
    sandbox.wait(rundir)
