"""Every limit, held against real programs that break it."""

from __future__ import annotations

import pytest

from runners.verdict import KillReason, OutputState, Verdict
from tests.runners.sandbox_stage import PATIENCE, WRITE_OUTPUT, SandboxStage, everywhere, needs_cgroup

pytestmark = [pytest.mark.sandbox, pytest.mark.alone]
_LATE_S = 5.0 * PATIENCE  # a run is over within its wall limit and this

_WALL = {
    "sleeps": "import time; time.sleep(60)",
    "writes its output and then hangs": f"{WRITE_OUTPUT}\nimport time\ntime.sleep(60)",
    "ignores every signal it can": """
        import signal, time
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True: time.sleep(1)
    """,
    "stops its children and waits for them": """
        import os, signal
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        os.waitpid(child, 0)
    """,
    "runs away in new sessions": """
        import os, time
        for _ in range(5):
            if os.fork() == 0:
                os.setsid()
                if os.fork(): os._exit(0)
                time.sleep(60)
        time.sleep(60)
    """,
    "trickles lines": "import time\nwhile True: print('still here'); time.sleep(0.05)",
}


@everywhere
@pytest.mark.parametrize("program", _WALL.values(), ids=_WALL.keys())
def test_a_program_that_never_ends_meets_the_wall(sandbox: SandboxStage, program: str) -> None:
    result = sandbox.run(program, wall_s=0.6)
    assert result.verdict is Verdict.TIME_LIMIT_EXCEEDED
    assert result.facts.kill_reason is KillReason.WALL
    assert 0.6 <= result.facts.wall_s < 2
    assert result.took_s < 0.6 + _LATE_S


@everywhere
def test_a_loop_meets_the_cpu_limit(sandbox: SandboxStage) -> None:
    result = sandbox.run("while True: pass", cpu_s=0.4)
    assert result.verdict is Verdict.TIME_LIMIT_EXCEEDED
    assert result.facts.kill_reason is KillReason.CPU
    assert 0.4 <= result.facts.cpu_s < 1


@everywhere
def test_cpu_time_of_children_counts(sandbox: SandboxStage) -> None:
    result = sandbox.run(
        """
        import os, time
        for _ in range(100):
            if os.fork() == 0:
                end = time.process_time() + 0.1
                while time.process_time() < end: pass
                os._exit(0)
            os.wait()
        """,
        cpu_s=0.5,
    )
    assert result.facts.kill_reason is KillReason.CPU


_HOG = "x = []\nwhile True: x.append(b'x' * (1 << 20))"
_MEMORY = {
    "heap": _HOG,
    "one huge array": "x = bytearray(3 << 30)",
    "anonymous shared memory": """
        import mmap
        block = mmap.mmap(-1, 1 << 30)
        while True: block.write(bytes(1 << 20))
    """,
    "a child that is killed, and a parent that exits 1": f"""
        import os, sys
        child = os.fork()
        if child == 0:
            exec({_HOG!r})
        os.waitpid(child, 0)
        sys.exit(1)
    """,
    "a child that is killed, and a parent that waits for ever": f"""
        import os, time
        if os.fork() == 0:
            exec({_HOG!r})
        time.sleep(60)
    """,
}


@everywhere
@pytest.mark.parametrize("program", _MEMORY.values(), ids=_MEMORY.keys())
def test_too_much_memory_is_told_apart_from_errors_and_time(sandbox: SandboxStage, program: str) -> None:
    result = sandbox.run(program, memory_mb=48)
    assert result.verdict is Verdict.MEMORY_LIMIT_EXCEEDED
    assert result.facts.memory_peak >= 48 << 20


@needs_cgroup
def test_memory_is_limited_by_the_kernel_as_root(sandbox: SandboxStage) -> None:
    """Between two samples a program can ask for any amount: the kernel must not give it."""
    result = sandbox.run("x = bytearray(3 << 30)", memory_mb=48, disk_mb=16)
    assert result.facts.soft_limits == ()
    assert result.facts.memory_peak <= (48 + 16) << 20


def test_shared_memory_that_is_no_file_does_not_count_as_one(sandbox: SandboxStage) -> None:
    """To the kernel both are shmem; room for files is no room for memory."""
    program = """
        import mmap, time
        block = mmap.mmap(-1, 100 << 20)
        for _ in range(100): block.write(bytes(1 << 20))
        time.sleep(5)
    """
    result = sandbox.run(program, memory_mb=64, disk_mb=256)
    assert result.verdict is Verdict.MEMORY_LIMIT_EXCEEDED
    assert result.facts.oom_kills == 0


@everywhere
def test_files_do_not_count_as_memory(sandbox: SandboxStage) -> None:
    """A limit of 32 MB of memory and 64 MB of files means both."""
    program = f"""
import time
for name in ("/tmp/a", "/dev/shm/b", "c"):
    with open(name, "wb") as file:
        for _ in range(18): file.write(bytes(1 << 20))
{WRITE_OUTPUT}
time.sleep(0.2)
"""
    result = sandbox.run(program, memory_mb=32, disk_mb=64)
    assert result.verdict is None
    assert result.facts.disk_peak > 50 << 20
    assert result.facts.memory_peak < 32 << 20


@needs_cgroup
def test_a_fork_bomb_meets_the_process_limit(sandbox: SandboxStage) -> None:
    result = sandbox.run("import os\nwhile True:\n try: os.fork()\n except OSError: pass")
    assert result.verdict is Verdict.PROCESS_LIMIT_EXCEEDED
    assert result.facts.kill_reason is KillReason.PIDS
    assert result.took_s < _LATE_S


@needs_cgroup
def test_threads_are_processes_to_the_limit(sandbox: SandboxStage) -> None:
    program = "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(9,), daemon=True).start()"
    result = sandbox.run(program)
    assert result.verdict is Verdict.PROCESS_LIMIT_EXCEEDED
    assert result.facts.exit_code == 1
    assert result.facts.pids_hits >= 1


@everywhere
def test_a_program_may_have_as_many_processes_as_its_limit(sandbox: SandboxStage) -> None:
    program = f"""
import os, time
for _ in range(7):
    if os.fork() == 0:
        time.sleep(60)
{WRITE_OUTPUT}
"""
    assert sandbox.run(program, pids=8).verdict is None


_DISK = {
    "one file": "f = open('x', 'wb')\nwhile True: f.write(bytes(1 << 20))",
    "/tmp": "f = open('/tmp/x', 'wb')\nwhile True: f.write(bytes(1 << 20))",
    "/dev/shm": "f = open('/dev/shm/x', 'wb')\nwhile True: f.write(bytes(1 << 20))",
    "home": "import os\nf = open(os.path.expanduser('~/x'), 'wb')\nwhile True: f.write(bytes(1 << 20))",
    "many empty files": "i = 0\nwhile True:\n open(f'f{i}', 'w').close()\n i += 1",
    "directories in directories": "import os\nwhile True: os.mkdir('d' * 250); os.chdir('d' * 250)",
}


@everywhere
@pytest.mark.parametrize("program", _DISK.values(), ids=_DISK.keys())
def test_a_full_disk_is_told_apart_from_other_errors(sandbox: SandboxStage, program: str) -> None:
    result = sandbox.run(program, disk_mb=4)
    assert result.verdict is Verdict.DISK_LIMIT_EXCEEDED
    assert result.facts.disk_peak <= 4 << 20


def test_asking_for_a_terabyte_at_once_fails_and_takes_nothing(sandbox: SandboxStage) -> None:
    """The kernel undoes the request, so no counter ever shows it: an error like any other."""
    program = "import os\nos.posix_fallocate(os.open('x', os.O_CREAT | os.O_RDWR), 0, 1 << 40)"
    result = sandbox.run(program)
    assert result.verdict in (Verdict.RUNTIME_ERROR, Verdict.DISK_LIMIT_EXCEEDED)
    assert b"No space left" in result.log


_FLOODS = {
    "stdout": "import os\nwhile True: os.write(1, b'spam and eggs\\n' * 5000)",
    "stderr": "import os\nwhile True: os.write(2, b'spam and eggs\\n' * 5000)",
    "one giant line": "import os\nwhile True: os.write(1, b'x' * 65536)",
}


@everywhere
@pytest.mark.parametrize("program", _FLOODS.values(), ids=_FLOODS.keys())
def test_a_flood_ends_the_run_and_keeps_the_first_part(sandbox: SandboxStage, program: str) -> None:
    result = sandbox.run(program)
    assert result.verdict is Verdict.OUTPUT_LIMIT_EXCEEDED
    assert result.facts.kill_reason is KillReason.LOG_FLOOD
    assert result.facts.log_bytes > 64 << 20
    assert len(result.log) < 17 * 1024


@everywhere
def test_a_log_over_its_limit_is_cut_with_one_marker_and_the_run_goes_on(sandbox: SandboxStage) -> None:
    result = sandbox.run(f"for i in range(30_000): print('line', i)\n{WRITE_OUTPUT}", log_kb=8, wall_s=60)
    assert result.verdict is None
    assert result.log[:8192].startswith(b"line 0\nline 1\n")
    assert result.log[8192:] == b"\n[Podium] log limit of 8 KB reached; further output is dropped\n"
    assert result.facts.log_truncated
    assert result.facts.log_bytes == sum(len(f"line {i}\n") for i in range(30_000))


@everywhere
def test_an_output_over_its_limit_is_not_taken(sandbox: SandboxStage) -> None:
    result = sandbox.run("open('submission.csv', 'wb').write(bytes(3 << 20))", output_mb=2)
    assert result.verdict is Verdict.OUTPUT_LIMIT_EXCEEDED
    assert result.facts.output is OutputState.TOO_BIG
    assert result.names == []


def test_a_sparse_output_of_a_terabyte_costs_nothing(sandbox: SandboxStage) -> None:
    result = sandbox.run("import os\nopen('submission.csv', 'w')\nos.truncate('submission.csv', 1 << 40)")
    assert result.facts.output is OutputState.TOO_BIG
    assert result.took_s < _LATE_S


def test_a_program_may_open_thousands_of_files_and_no_more(sandbox: SandboxStage) -> None:
    result = sandbox.run(
        f"""
        import errno, os
        opened = 0
        try:
            while opened < 10_000:
                os.open("/dev/null", os.O_RDONLY)
                opened += 1
        except OSError as error:
            assert error.errno == errno.EMFILE
        print(opened)
        assert 4_000 < opened < 4_096
        os.closerange(3, 4_096)
        {WRITE_OUTPUT}
        """
    )
    assert result.verdict is None, result.log
