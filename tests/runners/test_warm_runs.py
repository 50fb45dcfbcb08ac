"""Jobs in warm sandboxes, by the real agent: used once, tied to the agent until then and free of it afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runners.sandboxes import cgroups, shims
from runners.sandboxes.choice import Sandbox
from runners.warm import choice, idle
from runners.warm.pool import WarmPool
from tests.runners.agent_stage import ENVIRONMENT, AgentStage, processes_of, stage, until
from tests.runners.site_stand_in import HeldJob

pytestmark = [pytest.mark.sandbox, pytest.mark.alone]
OTHER = "other@0123456789ab"
GOOD = "print('hello')\nopen('submission.csv', 'w').write('id,target\\n1,2\\n')\n"
RUNS_2_S = """
import time
for number in range(20):
    print("line", number, flush=True)
    time.sleep(0.1)
open("submission.csv", "w").write("id,target\\n1,2\\n")
"""
LEAVES_TRACES = """
import builtins, os, sys
places = ["/tmp/planted", "/tmp/home/planted", "/dev/shm/planted"]
print([place for place in places if os.path.exists(place)], hasattr(builtins, "planted"), sorted(os.listdir("/output")))
for place in places: open(place, "w").write("x")
builtins.planted = True
open("planted", "w").write("x")
open("submission.csv", "w").write("id,target\\n1,2\\n")
"""


@pytest.fixture(name="on")
def _on(tmp_path: Path) -> Iterator[AgentStage]:
    with stage(tmp_path) as staged:
        yield staged
        staged.kill_agent()
        until(lambda: not warm(staged), "the last warm sandboxes to go")


def warm(on: AgentStage) -> list[Path]:
    """Directories of those that wait."""
    home = on.agent_dir / "warm"
    return [path.parent for path in home.glob("*/ready.json")] if home.exists() else []


def start(on: AgentStage, sizes: str = "bare=1", **env: str) -> Path:
    """An agent, and the directory of its first warm sandbox."""
    on.start_agent(PODIUM_WARM=sizes, **env)
    until(lambda: warm(on), "a warm sandbox")
    return warm(on)[0]


def was_warm(job: HeldJob) -> bool:
    return "warm" in job.finishes[0]["stages"]


def processes_below(path: Path) -> list[int]:
    """Whoever has a file system of this directory in front of it, or works in it."""
    found = []
    for process in psutil.process_iter(["pid"]):
        pid = process.info["pid"]
        try:
            seen = Path(f"/proc/{pid}/mountinfo").read_text() + str(Path(f"/proc/{pid}/cwd").readlink())
        except OSError:
            continue
        if str(path) in seen:
            found.append(pid)
    return found


def kill_shim(path: Path) -> None:
    outermost = psutil.Process(json.loads((path / "shim.json").read_text())["pid"])
    for process in (*outermost.children(), outermost):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


def test_a_job_runs_in_a_warm_sandbox_and_another_takes_its_place(on: AgentStage) -> None:
    first = start(on)
    job = on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT))
    assert was_warm(job)
    assert bytes(job.log) == b"hello\n"
    until(lambda: warm(on), "another is ready")
    assert warm(on) != [first]
    on.nothing_left()


def test_none_is_used_twice(on: AgentStage) -> None:
    start(on)
    for _ in range(2):
        until(lambda: warm(on), "a warm sandbox")
        job = on.finished(on.site.add_job(LEAVES_TRACES, environment=ENVIRONMENT))
        assert was_warm(job)
        assert bytes(job.log) == b"[] False []\n"


def test_nothing_is_left_of_an_agent_killed_while_they_wait(on: AgentStage) -> None:
    path = start(on)
    cgroup = shims.settings_of(path)["cgroup"]
    if os.geteuid() == 0:
        assert cgroups.left_over(cgroup) is not None
    assert processes_below(path)
    on.kill_agent()
    until(lambda: not path.exists(), "its directory to go")
    until(lambda: not processes_below(on.agent_dir), "its processes to go")
    assert cgroups.left_over(cgroup) is None
    assert not [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(path) in line]


def test_nothing_is_left_of_an_agent_killed_while_one_is_getting_ready(on: AgentStage) -> None:
    (on.environments_dir / ENVIRONMENT.replace("@", "/") / "preload.txt").write_text("endless")
    package = next(
        (on.environments_dir / ENVIRONMENT.replace("@", "/") / "lib").glob("python3*/site-packages")
    )
    (package / "endless.py").write_text("import time\ntime.sleep(60)\n")
    on.start_agent(PODIUM_WARM="bare=1")
    until(lambda: processes_below(on.agent_dir / "warm"), "one to begin")
    on.kill_agent()
    until(lambda: not processes_below(on.agent_dir), "its processes to go")
    assert not list((on.agent_dir / "warm").glob("warm-*"))


def test_what_a_shim_killed_by_force_leaves_is_removed_by_the_next_agent(on: AgentStage) -> None:
    path = start(on)
    cgroup = shims.settings_of(path)["cgroup"]
    kill_shim(path)
    on.kill_agent()
    until(lambda: not shims.alive(path), "the shim to die")
    assert path.exists()
    on.start_agent()
    until(lambda: not path.exists(), "rubbish to be removed")
    assert cgroups.left_over(cgroup) is None


def test_a_run_in_a_warm_sandbox_outlives_its_killed_agent_and_is_adopted(on: AgentStage) -> None:
    start(on)
    job = on.site.add_job(RUNS_2_S, environment=ENVIRONMENT)
    until(lambda: b"line 2\n" in job.log, "the program runs")
    assert list((on.run_path(job) / "sandbox").glob("released"))
    on.kill_agent()
    assert processes_of(job)
    on.start_agent()
    on.finished(job)
    assert job.attempt == 1
    assert bytes(job.log) == "".join(f"line {number}\n" for number in range(20)).encode()
    on.nothing_left()


def test_a_program_that_asks_for_it_starts_cold(on: AgentStage) -> None:
    start(on)
    job = on.finished(on.site.add_job(f"# podium: cold\n{GOOD}", environment=ENVIRONMENT))
    assert not was_warm(job)
    assert bytes(job.log) == b"hello\n"


def test_a_job_with_little_memory_starts_cold(on: AgentStage) -> None:
    start(on)
    assert not was_warm(on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT, memory_mb=8)))
    assert was_warm(on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT, memory_mb=128)))


class Found:
    """The environments of a stage."""

    def __init__(self, on: AgentStage) -> None:
        self.on = on

    def ready(self, _sandbox: Sandbox) -> list[str]:
        return [ENVIRONMENT, OTHER]

    def locate(self, _sandbox: Sandbox, identifier: str) -> tuple[Path, str]:
        return self.on.environments_dir / identifier.replace("@", "/"), ""


def test_one_that_never_gets_ready_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "READY_WITHIN_S", 2.0)
    with stage(tmp_path) as on:
        on.add_environment(OTHER)
        hangs = on.environments_dir / ENVIRONMENT.replace("@", "/")
        (hangs / "preload.txt").write_text("endless")
        package = next((hangs / "lib").glob("python3*/site-packages"))
        (package / "endless.py").write_text("import time\ntime.sleep(600)\n")
        pool = WarmPool(choice.read("bare=1,other=1", 256), on.agent_dir, Found(on), ["nsjail"], 1)
        pool.start()
        try:
            until(lambda: [kind.environment for kind in pool.kinds()] == [OTHER], "the other one")
            (left,) = (on.agent_dir / "warm").glob("warm-*")
        finally:
            pool.close()
            pool.join()
        until(lambda: not processes_below(on.agent_dir), "their processes to go")
        assert not shims.alive(left)


def test_switched_off_there_are_none(on: AgentStage) -> None:
    on.start_agent(PODIUM_WARM="off")
    assert not was_warm(on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT)))
    assert not (on.agent_dir / "warm").exists()


def test_without_a_setting_what_ran_once_is_kept_warm_even_after_a_restart(on: AgentStage) -> None:
    on.start_agent(PODIUM_WARM="")
    assert not was_warm(on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT)))
    until(lambda: warm(on), "one is ready")
    assert was_warm(on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT)))
    on.stop_agent()
    assert not warm(on)
    on.start_agent(PODIUM_WARM="")
    until(lambda: warm(on), "one is ready before anything is asked")


def test_those_of_an_environment_that_vanishes_are_dropped(on: AgentStage) -> None:
    path = start(on)
    shutil.rmtree(on.environments_dir / "bare")
    until(lambda: not path.exists(), "the warm sandbox to go")
    until(lambda: not processes_below(path), "its processes to go", timeout=10)


def test_all_of_them_together_keep_to_their_memory(on: AgentStage) -> None:
    most, least = 44 << 20, 32 << 20  # one more is begun where `least` is left

    def used() -> int:
        facts = [json.loads((path / "ready.json").read_text()) for path in warm(on)]
        return sum(fact["memory"] for fact in facts)

    start(on, "bare=9", PODIUM_WARM_MB="44")
    until(lambda: used() > most - least, "as many as there is room for")
    count = len(warm(on))
    assert 1 < count < 9
    on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT))
    until(lambda: on.agent_log().count("warm sandbox ready") > count, "another in its place")
    assert len(warm(on)) == count
    assert used() <= most


def test_a_waiting_one_uses_no_processor(on: AgentStage) -> None:
    path = start(on)
    waiting = [psutil.Process(pid) for pid in processes_below(path)]
    assert len(waiting) >= 3
    before = sum(sum(process.cpu_times()[:2]) for process in waiting)
    woken = sum(process.num_ctx_switches().voluntary for process in waiting)
    on.finished(on.site.add_job(f"# podium: cold\n{RUNS_2_S}", environment=ENVIRONMENT))
    assert sum(sum(process.cpu_times()[:2]) for process in waiting) - before <= 0.02  # a tick each of two
    assert (
        sum(process.num_ctx_switches().voluntary for process in waiting) - woken < 20
    )  # nsjail's own second hand


def test_two_jobs_at_a_time_see_only_their_own_files_and_have_a_uid_each(on: AgentStage) -> None:
    program = """
import os, time
print(os.getuid(), sorted(os.listdir("/input")), flush=True)
time.sleep(0.5)
open("submission.csv", "w").write("id,target\\n1,2\\n")
"""
    on.start_agent(PODIUM_WARM="bare=2", PODIUM_POOLS="cpu:2")
    until(lambda: len(warm(on)) == 2, "two warm sandboxes")
    jobs = [
        on.site.add_job(program, environment=ENVIRONMENT, inputs={f"/input/{name}.csv": name.encode()})
        for name in ("one", "two")
    ]
    for job in jobs:
        assert was_warm(on.finished(job))
    words = [bytes(job.log).decode().split(maxsplit=1) for job in jobs]
    assert [rest for _, rest in words] == ["['one.csv']\n", "['two.csv']\n"]
    assert os.geteuid() != 0 or words[0][0] != words[1][0]


def test_a_waiting_one_can_neither_write_nor_talk(on: AgentStage) -> None:
    """A library tries while it is imported; the job then reads what came of it."""
    place = on.environments_dir / ENVIRONMENT.replace("@", "/")
    (place / "preload.txt").write_text("spy")
    package = next((place / "lib").glob("python3*/site-packages"))
    (package / "spy.py").write_text(
        "import os, socket\n"
        "found = []\n"
        "for path in ('/input/x', '/submission/main.py', '/env/x', '/etc/x', '/usr/x', '/x', '/kaggle/input/x'):\n"
        "    try: open(path, 'w'); found.append(path)\n"
        "    except OSError: pass\n"
        "with socket.socket() as s:\n"
        "    s.settimeout(1)\n"
        "    if s.connect_ex(('192.0.2.1', 80)) == 0: found.append('network')\n"
        "found += [pid for pid in os.listdir('/proc') if pid.isdigit() and pid != str(os.getpid())]\n"
        "found.append(os.getuid())\n"
    )
    start(on)
    program = f"import spy, os, sys\nprint(spy.found == [os.getuid()], spy.found)\n{GOOD}"
    job = on.finished(on.site.add_job(program, environment=ENVIRONMENT))
    assert was_warm(job)
    assert bytes(job.log).startswith(b"True")


def test_a_sandbox_that_died_unnoticed_costs_nobody_a_job(on: AgentStage) -> None:
    """The pool gives one whose shim was killed a moment ago: the job runs all the same, at the first attempt."""
    path = start(on)
    kill_shim(path)
    until(lambda: not shims.alive(path), "the shim to die")
    job = on.finished(on.site.add_job(GOOD, environment=ENVIRONMENT))
    assert job.attempt == 1
    assert not was_warm(job)
    assert bytes(job.log) == b"hello\n"
    on.nothing_left()
