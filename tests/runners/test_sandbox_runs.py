"""What an honest program sees and gets."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from runners.sandboxes import shims
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.plan import Outcome, SandboxError, SandboxPlan
from runners.spec import Limits
from runners.verdict import KillReason, OutputState, Verdict
from tests.runners.sandbox_stage import AS_ROOT, SUBMISSION, WRITE_OUTPUT, SandboxStage, everywhere, until

pytestmark = pytest.mark.sandbox


@everywhere
def test_a_good_program_is_scored_with_its_output(sandbox: SandboxStage, tmp_path: Path) -> None:
    train = tmp_path / "train.csv"
    train.write_text("id,x\n1,2\n")
    train.chmod(0o444)
    result = sandbox.run(
        """
        import os
        print("read", open("/input/train.csv").read().split())
        print(sorted(os.listdir("/kaggle/input/digits")), os.path.realpath("/kaggle/working"), os.getcwd())
        print(os.environ["OMP_NUM_THREADS"], os.environ["HOME"])
        open(os.path.expanduser("~/note"), "w").write("home is writable")
        open("/kaggle/working/submission.csv", "w").write("id,target\\n1,2\\n")
        """,
        inputs=[(train, "/input/train.csv")],
        links=(("/kaggle/input/digits", "/input"),),
        env=(("OMP_NUM_THREADS", "2"),),
    )
    assert result.verdict is None
    assert result.log.decode().splitlines() == [
        "read ['id,x', '1,2']",
        "['train.csv'] /output /output",
        "2 /tmp/home",
    ]
    content = b"id,target\n1,2\n"
    (file,) = result.outcome.files
    assert (file.name, file.size) == (SUBMISSION, len(content))
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert (result.rundir / "outputs" / SUBMISSION).read_bytes() == content
    assert result.facts.exit_code == 0
    assert result.facts.sandbox == sandbox.sandbox
    assert result.facts.soft_limits == (() if AS_ROOT else ("memory", "cpu"))


def test_the_libraries_of_machine_learning_find_what_they_need(sandbox: SandboxStage) -> None:
    """Threads, pools, semaphores, shared memory, subprocesses, and a name to look up."""
    result = sandbox.run(
        f"""
import multiprocessing, multiprocessing.shared_memory, concurrent.futures, subprocess, sys, pwd, os, tempfile
if __name__ == "__main__":
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        print(sum(pool.map(int, "1234")))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(abs, [-1, -2]))
    block = multiprocessing.shared_memory.SharedMemory(create=True, size=1 << 20)
    block.close(); block.unlink()
    print(subprocess.run([sys.executable, "-c", "print('child')"], capture_output=True, text=True).stdout.strip())
    print(pwd.getpwuid(os.getuid()).pw_name, tempfile.gettempdir(), os.uname().nodename)
{WRITE_OUTPUT}
"""
    )
    assert result.log.decode().splitlines() == ["10", "[1, 2]", "child", "podium /tmp podium"]
    assert result.verdict is None


@everywhere
@pytest.mark.parametrize("code", [1, 2, 137, 143, 255])
def test_an_exit_code_is_a_runtime_error_and_nothing_else(sandbox: SandboxStage, code: int) -> None:
    result = sandbox.run(f"{WRITE_OUTPUT}raise SystemExit({code})")
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert (result.facts.exit_code, result.facts.signal) == (code, None)


def test_a_crash_is_a_runtime_error_with_its_signal(sandbox: SandboxStage) -> None:
    result = sandbox.run("import ctypes; ctypes.string_at(0)")
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert (result.facts.exit_code, result.facts.signal) == (None, 11)


@everywhere
def test_printed_words_decide_nothing(sandbox: SandboxStage) -> None:
    nsjail_says = "[I][x] pid=7 ([STANDALONE MODE]) exited with status: 9"
    words = f"Killed\\nOut of memory: oom-kill\\ntime limit exceeded\\n{nsjail_says}"
    result = sandbox.run(f"import sys\nprint('{words}')\nprint('{words}', file=sys.stderr)\n{WRITE_OUTPUT}")
    assert result.verdict is None


@everywhere
def test_a_binary_log_is_kept_as_it_is(sandbox: SandboxStage) -> None:
    result = sandbox.run(f"import os\nos.write(1, bytes(range(256)) * 4)\n{WRITE_OUTPUT}")
    assert result.verdict is None
    assert result.log == bytes(range(256)) * 4


def test_a_program_that_writes_nothing_has_no_output(sandbox: SandboxStage) -> None:
    result = sandbox.run("pass")
    assert result.verdict is Verdict.NO_OUTPUT


@everywhere
def test_children_that_outlive_the_program_neither_delay_nor_survive_it(sandbox: SandboxStage) -> None:
    """They hold the log pipe open and keep writing to the output."""
    result = sandbox.run(
        f"""
import os, time
{WRITE_OUTPUT}
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        while True:
            time.sleep(0.01)
            open("submission.csv", "a").write("")
""",
        wall_s=20,
    )
    assert result.verdict is None
    assert result.facts.wall_s < 10
    assert result.took_s < 10


@everywhere
def test_the_log_can_be_read_while_the_program_runs(sandbox: SandboxStage) -> None:
    rundir = sandbox.launch(f"import time\nprint('first')\ntime.sleep(2)\nprint('second')\n{WRITE_OUTPUT}")
    sandbox.until_logged(rundir, b"first")
    assert shims.outcome(rundir) is None
    until(lambda: shims.usage(rundir), "usage figures")
    assert sandbox.wait(rundir).log == b"first\nsecond\n"


@everywhere
def test_cancel_ends_a_run_at_once(sandbox: SandboxStage) -> None:
    rundir = sandbox.launch("print('up')\nimport time\ntime.sleep(60)", wall_s=30)
    sandbox.until_logged(rundir, b"up")
    shims.cancel(rundir)
    shims.cancel(rundir)
    result = sandbox.wait(rundir, within_s=10)
    assert result.verdict is Verdict.CANCELLED
    assert result.facts.kill_reason is KillReason.CANCEL


def test_cancel_before_the_program_has_started_is_a_cancel(sandbox: SandboxStage) -> None:
    rundir = sandbox.launch("import time\ntime.sleep(60)", wall_s=30)
    shims.cancel(rundir)
    assert sandbox.wait(rundir, within_s=10).verdict is Verdict.CANCELLED


@pytest.mark.parametrize("sandbox", [Sandbox.NSJAIL], indirect=True)
def test_a_missing_interpreter_is_our_fault_and_no_verdict(sandbox: SandboxStage, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "bin").mkdir(parents=True)
    (broken / "pyvenv.cfg").write_text("home = /usr/bin\n")
    sandbox.environment = broken
    result = sandbox.run("pass")
    assert result.outcome.facts is None
    assert "did not start the program" in result.outcome.error


def test_an_outcome_comes_back_from_json_unchanged(sandbox: SandboxStage) -> None:
    outcome = sandbox.run(WRITE_OUTPUT).outcome
    assert Outcome.from_json(json.loads(json.dumps(outcome.as_json()))) == outcome
    assert Outcome.from_json(Outcome(error="no").as_json()) == Outcome(error="no")


def _plan(environment: Path, **changes: object) -> SandboxPlan:
    fields: dict[str, object] = {
        "argv": ("{python}",),
        "environment": str(environment),
        "limits": Limits(),
        "required_output": SUBMISSION,
    }
    return SandboxPlan(**(fields | changes))  # type: ignore[arg-type]  # wrong plans are the point


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": (("/x", "/env/lib/sitecustomize.py"),)},
        {"inputs": (("/x", "/input/../etc/passwd"),)},
        {"inputs": (("/x:/y", "/input/x"),)},
        {"links": (("/usr/bin/python3", "/input"),)},
        {"env": (("LD_PRELOAD", "/input/x.so"),)},
        {"required_output": "../facts.json"},
        {"argv": ()},
    ],
)
def test_a_plan_that_reaches_into_the_system_is_refused(
    bare_environment: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(SandboxError):
        _plan(bare_environment, **changes)


def test_a_plan_that_shows_the_run_directory_is_refused(bare_environment: Path, tmp_path: Path) -> None:
    rundir = tmp_path / "state" / "run"
    rundir.mkdir(parents=True)
    with pytest.raises(SandboxError, match="holds the run directory"):
        shims.launch(rundir, _plan(bare_environment, inputs=((str(tmp_path / "state"), "/input/x"),)))


@everywhere
def test_two_runs_do_not_see_each_others_files(sandbox: SandboxStage) -> None:
    look = """
        import os
        places = ("/tmp", "/dev/shm", "/output", os.path.expanduser("~"))
        found = [os.path.join(top, name) for place in places for top, _, names in os.walk(place) for name in names]
        print("found", found)
        for place in places: open(os.path.join(place, "left"), "w").write("for the next one")
    """
    assert sandbox.run(look).log == b"found []\n"
    assert sandbox.run(look).log == b"found []\n"


@everywhere
def test_runs_side_by_side_end_each_with_its_own_facts(sandbox: SandboxStage) -> None:
    slow = sandbox.launch("import time\ntime.sleep(60)", wall_s=0.5)
    good = sandbox.launch(WRITE_OUTPUT)
    bad = sandbox.launch("raise SystemExit(3)")
    assert sandbox.wait(good).verdict is None
    assert sandbox.wait(bad).facts.exit_code == 3
    assert sandbox.wait(slow).verdict is Verdict.TIME_LIMIT_EXCEEDED


def test_required_output_missing_is_told_even_when_other_files_lie_there(sandbox: SandboxStage) -> None:
    result = sandbox.run("open('other.csv', 'w').write('x')")
    assert result.facts.output is OutputState.MISSING
    assert result.names == []
