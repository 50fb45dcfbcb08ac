"""The same sandbox started by an ordinary user: a user namespace, and soft limits without a delegated cgroup."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runners.sandboxes import flags, nsjail
from runners.sandboxes.plan import Outcome
from runners.verdict import KillReason, RunFacts, Verdict, decide
from tests.runners.sandbox_stage import WRITE_OUTPUT, host_traces, make_environment

pytestmark = pytest.mark.sandbox
_ROOT = Path(flags.__file__).parents[2]
_UID = 65_534
_LIMITS = {
    "wall_s": 10.0,
    "cpu_s": 10.0,
    "memory_mb": 96,
    "pids": 24,
    "disk_mb": 16,
    "inodes": 500,
    "log_kb": 16,
}


@dataclasses.dataclass(frozen=True, slots=True)
class OrdinaryUser:
    """A home and a way to run things as somebody without rights."""

    home: Path
    environment: Path
    prefix: tuple[str, ...]
    python: str
    warm: bool

    def run(self, program: str, **limits: Any) -> tuple[Outcome, str]:
        name = f"ordinary-{uuid.uuid4().hex}"
        asked = {
            "directory": str(self.home),
            "name": name,
            "program": program,
            "environment": str(self.environment),
            "limits": _LIMITS | limits,
            "warm": self.warm,
        }
        answer = subprocess.run(
            [*self.prefix, self.python, "-m", "tests.runners.sandbox_driver"],
            check=False,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=30,
            cwd=_ROOT,
            env={"PATH": f"{Path(nsjail.binary()).parent}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert answer.returncode == 0, answer.stderr
        told = json.loads(answer.stdout)
        assert not told["left"]
        return Outcome.from_json(told["outcome"]), told["log"]


@pytest.fixture(scope="module", params=[False, True], ids=["cold", "warm"])
def user(request: pytest.FixtureRequest) -> Iterator[OrdinaryUser]:
    python: str = sys.executable
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        python = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or ""
        prefix = ("setpriv", f"--reuid={_UID}", f"--regid={_UID}", "--clear-groups", "--")
        reads = f"import sys; assert sys.version_info >= (3, 11); open({str(_ROOT / 'runners/spec.py')!r})"
        if (
            not python
            or subprocess.run([*prefix, python, "-c", reads], check=False, capture_output=True).returncode
        ):
            pytest.skip("an ordinary user can read no Python 3.11 or not this checkout")
    home = Path(tempfile.mkdtemp(prefix="podium-ordinary-"))
    try:
        environment = make_environment(home / "environment", python)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", str(_UID), home], check=True)
        yield OrdinaryUser(home, environment, prefix, python, request.param)
    finally:
        shutil.rmtree(home)


@pytest.fixture(autouse=True)
def _nothing_left(user: OrdinaryUser) -> Iterator[None]:
    before = host_traces(user.home)
    yield
    assert host_traces(user.home) == before
    words = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert [line for line in words if str(user.home).encode() in line] == []


def _facts(outcome: Outcome) -> RunFacts:
    assert outcome.facts is not None, outcome.error
    return outcome.facts


def test_a_good_program_is_scored(user: OrdinaryUser) -> None:
    program = f"import os\nprint(os.getuid(), os.listdir('/output'))\n{WRITE_OUTPUT}"
    outcome, log = user.run(program)
    assert decide(_facts(outcome)) is None
    assert log == f"{flags.INSIDE_UID} []\n"
    assert [file.name for file in outcome.files] == ["submission.csv"]


def test_what_cannot_be_held_by_the_kernel_is_called_soft(user: OrdinaryUser) -> None:
    outcome, _ = user.run(WRITE_OUTPUT)
    assert _facts(outcome).soft_limits in ((), ("memory", "cpu"))


_BREAKERS = {
    "wall": ("import time; time.sleep(60)", {"wall_s": 0.5}, Verdict.TIME_LIMIT_EXCEEDED),
    "CPU": ("while True: pass", {"cpu_s": 0.4}, Verdict.TIME_LIMIT_EXCEEDED),
    "memory": (
        "import time\nx = []\nwhile True: x.append(b'x' * (1 << 20)); time.sleep(0.001)",
        {"memory_mb": 48},
        Verdict.MEMORY_LIMIT_EXCEEDED,
    ),
    "memory of many": (
        "import os, time\nfor _ in range(3): os.fork()\nx = bytearray(b'x' * (20 << 20))\ntime.sleep(9)",
        {"memory_mb": 100},
        Verdict.MEMORY_LIMIT_EXCEEDED,
    ),
    "disk": ("f = open('x', 'wb')\nwhile True: f.write(bytes(1 << 20))", {}, Verdict.DISK_LIMIT_EXCEEDED),
    "a link": ("import os; os.symlink('/proc/self/environ', 'submission.csv')", {}, Verdict.INVALID_OUTPUT),
    "log flood": ("import os\nwhile True: os.write(1, bytes(65536))", {}, Verdict.OUTPUT_LIMIT_EXCEEDED),
}


@pytest.mark.parametrize(("program", "limits", "verdict"), _BREAKERS.values(), ids=_BREAKERS.keys())
def test_every_limit_holds(
    user: OrdinaryUser, program: str, limits: dict[str, Any], verdict: Verdict
) -> None:
    outcome, _ = user.run(program, **limits)
    assert decide(_facts(outcome)) is verdict


def test_pages_that_forked_processes_share_are_counted_once(user: OrdinaryUser) -> None:
    """Eight processes over one 40 MB block: 320 MB by a naive sum, 40 MB in truth."""
    program = f"""
import os, time
x = bytearray(b"x" * (40 << 20))
children = [os.fork() for _ in range(3)]
time.sleep(0.4)
if all(children):
    for _ in range(3): os.wait()
    {WRITE_OUTPUT}
"""
    outcome, _ = user.run(program)
    assert decide(_facts(outcome)) is None


def test_a_fork_bomb_is_contained(user: OrdinaryUser) -> None:
    outcome, _ = user.run("import os\nwhile True:\n try: os.fork()\n except OSError: pass", wall_s=1.0)
    assert decide(_facts(outcome)) in (Verdict.TIME_LIMIT_EXCEEDED, Verdict.PROCESS_LIMIT_EXCEEDED)
    assert _facts(outcome).kill_reason in (KillReason.WALL, KillReason.PIDS)


def test_processes_are_limited_without_a_cgroup(user: OrdinaryUser) -> None:
    program = f"""
import os, time
made = 0
try:
    for _ in range(40):
        if os.fork() == 0: time.sleep(60)
        made += 1
except OSError: pass
print(made)
{WRITE_OUTPUT}
"""
    _, log = user.run(program, pids=12)
    assert int(log) < 12


def test_the_environment_and_the_inputs_cannot_be_changed_though_they_are_the_users_own(
    user: OrdinaryUser,
) -> None:
    program = """
import os
for path in ("/env/pyvenv.cfg", "/submission/main.py"):
    for attempt in (lambda: open(path, "a"), lambda: os.remove(path), lambda: os.chmod(path, 0o777)):
        try: attempt()
        except OSError: pass
        else: print("changed", path)
try: open("/env/bin/planted", "w")
except OSError as error: print(error.strerror)
"""
    _, log = user.run(program)
    assert log == "Read-only file system\n"
