"""Warm containers: a program sees what it sees in a cold one; the real agent gives each to one job and keeps none."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runners.agent import examined
from runners.environments import definitions
from runners.environments.images import find_image
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.docker_flags import CONTAINER_LABEL
from runners.sandboxes.engine import Engine
from runners.verdict import Verdict
from tests.runners.agent_stage import AgentStage, stage, until
from tests.runners.sandbox_stage import WRITE_OUTPUT, SandboxStage
from tests.runners.test_warm_plain import CHANCE, EFFECTS, LIBRARIES, told
from tests.runners.warm_stage import WarmStage

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]
PYTHON = definitions()["python"].identifier
ROOM: dict[str, Any] = {"memory_mb": 1024, "pids": 128}
HELLO = f"import sys\nprint('hello', 'numpy' in sys.modules)\n{WRITE_OUTPUT}"
SLEEP = "print('up', flush=True)\nimport time\ntime.sleep(1.5)\n" + WRITE_OUTPUT


@pytest.fixture(name="warm", params=[Sandbox.DOCKER, Sandbox.RUNSC])
def _warm(
    request: pytest.FixtureRequest, tmp_path: Path, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WarmStage]:
    monkeypatch.setenv("PODIUM_DOCKER_HOST", docker_host)
    image = find_image(PYTHON, docker_host)
    staged = WarmStage(tmp_path, Path("/env"), request.param, image=image, docker_host=docker_host)
    staged.preload = LIBRARIES
    yield staged
    staged.assert_nothing_left()


@pytest.fixture(name="cold")
def _cold(warm: WarmStage) -> SandboxStage:
    return SandboxStage(
        warm.directory, warm.environment, warm.sandbox, image=warm.image, docker_host=warm.docker_host
    )


def test_a_program_in_a_warm_container_sees_what_it_sees_in_a_cold_one(
    warm: WarmStage, cold: SandboxStage
) -> None:
    ours, theirs = told(warm), told(cold)
    # The directory that the hook lay in cannot be taken out of a container; it is empty.
    assert ours["places"]["/etc"] == sorted([*theirs["places"]["/etc"], "podium"])
    ours["places"]["/etc"] = theirs["places"]["/etc"]
    for one in (ours, theirs):  # glibc catches signal 33 of its own once a library has started a thread
        one["status"] = [line for line in one["status"] if not line.startswith("SigCgt")]
        # Threads of runc, which starts it, have taken some of the first numbers of its pid namespace.
        assert one["who"][1] > one["who"][2] == 1
        one["who"][1] = "after init"
    same = set(theirs) - EFFECTS - CHANCE
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}
    assert set(theirs["modules"]) < set(ours["modules"])
    assert dict(ours["environ"]) == dict(theirs["environ"])
    assert set(ours["chance"]).isdisjoint(theirs["chance"])


def test_its_limits_are_the_jobs_and_not_those_it_waited_with(warm: WarmStage) -> None:
    hog = "x = []\nwhile True: x.append(b'x' * (1 << 20))"
    assert warm.run(hog, memory_mb=256).verdict is Verdict.MEMORY_LIMIT_EXCEEDED
    full = warm.run("f = open('x', 'wb')\nwhile True: f.write(bytes(1 << 20))", disk_mb=70, memory_mb=256)
    assert full.verdict is Verdict.DISK_LIMIT_EXCEEDED
    assert 66 << 20 < full.facts.disk_peak <= 70 << 20
    assert warm.run("while True: pass", wall_s=0.5).verdict is Verdict.TIME_LIMIT_EXCEEDED


def test_the_first_line_comes_at_once(warm: WarmStage) -> None:
    """Well below the 200 ms that a container takes to start, and numpy half a second to import."""
    result = warm.run("import time, numpy\nprint(time.time())", **ROOM)
    asked = (result.rundir / "released").stat().st_mtime
    assert float(result.log) - asked < 0.2


@pytest.fixture(name="on")
def _on(tmp_path: Path, docker_host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AgentStage]:
    monkeypatch.setenv("PODIUM_DOCKER_HOST", docker_host)
    with stage(tmp_path) as staged:
        examined.examine(staged.agent_dir, {Sandbox.DOCKER})
        yield staged


def _start(on: AgentStage, docker_host: str, **settings: str) -> None:
    on.start_agent(PODIUM_SANDBOX="docker", PODIUM_DOCKER_HOST=docker_host, **settings)


def _warm_ones(on: AgentStage) -> list[str]:
    home = on.agent_dir / "warm"
    return [path.parent.name for path in home.glob("*/ready.json")] if home.exists() else []


def _containers(docker_host: str, *names: str) -> list[str]:
    there = Engine(docker_host).labelled(CONTAINER_LABEL)
    return [container for container in there if container.removeprefix("podium-") in names]


def test_a_job_runs_in_a_warm_container_and_another_takes_its_place(on: AgentStage, docker_host: str) -> None:
    _start(on, docker_host, PODIUM_WARM="python=1")
    until(lambda: "warm sandbox ready" in on.agent_log(), "one is ready", 40)
    (first,) = _warm_ones(on)
    job = on.finished(on.site.add_job(HELLO, environment=PYTHON, **ROOM))
    assert job.finishes[0]["stages"]["warm"] == 1
    assert bytes(job.log) == b"hello True\n"
    until(lambda: _warm_ones(on) and _warm_ones(on) != [first], "another is ready", 40)
    on.nothing_left()
    assert _containers(docker_host, first) == []


def test_warm_containers_die_with_their_agent_however_it_dies(on: AgentStage, docker_host: str) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        _start(on, docker_host, PODIUM_WARM="python=1")
        until(lambda: _warm_ones(on), "one is ready", 40)
        (name,) = _warm_ones(on)
        assert len(_containers(docker_host, name)) == 1
        if number is signal.SIGKILL:
            on.kill_agent()
        else:
            on.stop_agent(number)
        until(lambda name=name: not _containers(docker_host, name), "its container to go")  # type: ignore[misc]
        until(lambda: not _warm_ones(on), "its directory to go")
        until(lambda: str(on.agent_dir) not in Path("/proc/self/mounts").read_text(), "its mounts to go")


def test_an_agent_that_was_killed_finds_its_container_and_carries_on(
    on: AgentStage, docker_host: str
) -> None:
    _start(on, docker_host)
    job = on.site.add_job(SLEEP, environment=PYTHON, **ROOM)
    until(lambda: bytes(job.log) == b"up\n", "the program to be up")
    on.kill_agent()
    assert len(_containers(docker_host, f"{job.id}-{job.attempt}")) == 1
    _start(on, docker_host)
    on.finished(job)
    assert job.finishes[0]["facts"]["exit_code"] == 0
    assert job.attempt == 1
    on.nothing_left()
    until(lambda: not _containers(docker_host, f"{job.id}-{job.attempt}"), "its container to go")


def test_a_container_whose_shim_and_agent_were_killed_is_given_back_and_removed(
    on: AgentStage, docker_host: str
) -> None:
    _start(on, docker_host)
    job = on.site.add_job(SLEEP.replace("1.5", "60"), environment=PYTHON, **ROOM)
    until(lambda: bytes(job.log) == b"up\n", "the program to be up")
    on.kill_agent()
    shim: int = json.loads((on.run_path(job) / "sandbox" / "shim.json").read_text())["pid"]
    os.kill(shim, signal.SIGKILL)
    name = f"{job.id}-{job.attempt}"
    assert len(_containers(docker_host, name)) == 1
    _start(on, docker_host)
    until(lambda: job.give_backs, "the job to be given back")
    until(lambda: not _containers(docker_host, name), "its container to go")


def test_a_shim_that_is_killed_is_noticed_at_once_and_its_container_is_removed(
    on: AgentStage, docker_host: str
) -> None:
    """Without its shim a container has no clock of ours: the agent that lives looks for the shim ten times a second."""
    _start(on, docker_host)
    job = on.site.add_job(SLEEP.replace("1.5", "8"), environment=PYTHON, **ROOM)
    until(lambda: bytes(job.log) == b"up\n", "the program to be up")
    name = f"{job.id}-{job.attempt}"
    assert len(_containers(docker_host, name)) == 1
    os.kill(json.loads((on.run_path(job) / "sandbox" / "shim.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: not _containers(docker_host, name), "its container to go", 5)
    until(lambda: job.give_backs, "the job to be given back", 5)
    on.finished(job, 40)
    assert job.attempt == 2
    on.nothing_left()
