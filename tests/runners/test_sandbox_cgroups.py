"""Reading a cgroup's counters, v1 and v2, from directories that look like the kernel's; and making real ones."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest

from runners.sandboxes import cgroups
from runners.sandboxes.cgroups import Cgroup
from tests.docker import ROOT
from tests.runners.sandbox_stage import needs_cgroup


def _directory(place: Path, files: dict[str, str]) -> Path:
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / name).write_text(text)
    return place


@pytest.fixture
def unified(tmp_path: Path) -> Cgroup:
    path = _directory(
        tmp_path / "v2",
        {
            "memory.max": "max",
            "memory.swap.max": "max",
            "memory.oom.group": "0",
            "pids.max": "max",
            "cpu.weight": "100\n",
            "cpu.max": "max 100000\n",
            "cgroup.procs": "12\n13\n",
            "memory.stat": "anon 1000\nfile 9000\nshmem 300\n",
            "memory.events": "low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 1\n",
            "pids.events": "max 5\n",
            "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\n",
        },
    )
    return Cgroup(dict.fromkeys(cgroups.WANTED, path), unified=True)


@pytest.fixture
def version_1(tmp_path: Path) -> Cgroup:
    memory = {
        "memory.limit_in_bytes": "9223372036854771712\n",
        "memory.memsw.limit_in_bytes": "9223372036854771712\n",
        "memory.swappiness": "60\n",
        "memory.max_usage_in_bytes": "50000000\n",
        "cgroup.procs": "12\n",
        "memory.stat": "cache 9000\nrss 1000\nshmem 300\nswap 24\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    }
    return Cgroup(
        {
            "memory": _directory(tmp_path / "memory", memory),
            "pids": _directory(
                tmp_path / "pids", {"pids.max": "max\n", "pids.events": "max 5\n", "cgroup.procs": "12\n13\n"}
            ),
            "cpuacct": _directory(
                tmp_path / "cpuacct", {"cpuacct.usage": "2500000000\n", "cgroup.procs": ""}
            ),
        },
        unified=False,
    )


def test_version_2_is_limited_without_swap_and_killed_as_a_group(unified: Cgroup) -> None:
    unified.limit(memory_bytes=1 << 20, pids=9)
    path = unified.directories["memory"]
    assert (path / "memory.max").read_text() == str(1 << 20)
    assert (path / "memory.swap.max").read_text() == "0"
    assert (path / "memory.oom.group").read_text() == "1"
    assert (path / "pids.max").read_text() == "9"


def test_version_2_shares_out_processors_by_weight_and_quota(unified: Cgroup) -> None:
    path = unified.directories["memory"]
    unified.share_processors(weight=25, most=2)
    assert (path / "cpu.weight").read_text() == "25"
    assert (path / "cpu.max").read_text() == "200000 100000"
    unified.share_processors(weight=25, most=0)
    assert (path / "cpu.max").read_text() == "max 100000"


def test_version_1_is_limited_without_swap(version_1: Cgroup) -> None:
    version_1.limit(memory_bytes=1 << 20, pids=9)
    path = version_1.directories["memory"]
    assert (path / "memory.limit_in_bytes").read_text() == str(1 << 20)
    assert (path / "memory.memsw.limit_in_bytes").read_text() == str(1 << 20)
    assert (path / "memory.swappiness").read_text() == "0"
    assert (version_1.directories["pids"] / "pids.max").read_text() == "9"


def test_both_versions_tell_the_same_figures(unified: Cgroup, version_1: Cgroup) -> None:
    version_1.limit(memory_bytes=50_000_000, pids=9)
    peak = version_1.directories["memory"] / "memory.max_usage_in_bytes"
    assert peak.read_text() == "0"  # what was used before a limit was set does not count
    peak.write_text("50000000")
    assert unified.memory_stat() == (1000, 300)
    assert version_1.memory_stat() == (1024, 300)  # with what was swapped out
    for cgroup in (unified, version_1):
        assert cgroup.enforces == {"memory", "pids", "cpuacct"}
        assert cgroup.processes() == [12, 13]
        assert cgroup.oom_kills() == (2, True)
        assert cgroup.refused_forks() == 5
        assert cgroup.cpu_s() == 2.5


def test_a_kill_far_below_our_own_limit_is_the_hosts_doing(unified: Cgroup, version_1: Cgroup) -> None:
    (unified.directories["memory"] / "memory.events").write_text("max 9\noom 0\noom_kill 1\n")
    version_1.limit(memory_bytes=500_000_000, pids=9)
    assert unified.oom_kills() == (1, False)
    assert version_1.oom_kills() == (2, False)


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "a b", "x" * 200])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a cgroup"):
        cgroups.candidates(name)


@needs_cgroup
@pytest.mark.sandbox
def test_a_cgroup_made_here_starts_at_zero_and_goes_away() -> None:
    name = f"test-{uuid.uuid4().hex}"
    first = cgroups.create(name)
    assert first is not None
    try:
        assert first.enforces == {"memory", "pids", "cpuacct"}
        again = cgroups.create(name)  # a left-over of a killed shim is replaced
        assert again is not None
        assert again.oom_kills() == (0, False)
        assert again.processes() == []
    finally:
        first.remove()
    assert cgroups.left_over(name) is None
    first.remove()


@needs_cgroup
@pytest.mark.sandbox
def test_a_process_is_taken_in_wherever_it_was_and_one_that_has_ended_is_no_error() -> None:
    cgroup = cgroups.create(f"test-{uuid.uuid4().hex}")
    assert cgroup is not None
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            cgroup.take(sleeper.pid)
            assert cgroup.processes() == [sleeper.pid]
            cgroup.kill()
            sleeper.wait()
            cgroup.take(sleeper.pid)
        finally:
            sleeper.kill()
            sleeper.wait()
            cgroup.remove()


@needs_cgroup
@pytest.mark.sandbox
def test_who_is_in_a_cgroup_namespace_of_his_own_can_take_the_hosts_view() -> None:
    """As an agent in a container that shares the host's pids."""
    program = """
        import ctypes, os
        from runners.sandboxes import cgroups
        host = os.getppid()
        same = lambda: os.path.samefile(f"/proc/{host}/ns/cgroup", "/proc/self/ns/cgroup")
        assert ctypes.CDLL(None).unshare(0x02000000) == 0 and not same()
        cgroups.see_the_hosts(host)
        print(same())
    """
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert told.stdout == "True\n"
