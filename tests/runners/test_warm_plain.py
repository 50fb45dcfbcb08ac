"""What a program sees in a warm sandbox: the same as in a cold one, but for what is said in docs/compete.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runners.environments import definitions, find
from tests.runners.sandbox_stage import SandboxStage
from tests.runners.warm_stage import WarmStage
from tests.stack import ENVIRONMENTS

pytestmark = pytest.mark.sandbox

PROBE = """
mine = sorted(globals())
import sys
modules = sorted(sys.modules)
importers = sorted(sys.path_importer_cache)
handles = sorted(__import__("os").listdir("/proc/self/fd"))
import gc, os, resource, signal, stat, threading, warnings, json
import random
told = {
    "modules": modules, "importers": importers,
    "filters": [[f[0], str(f[1]), str(f[2]), str(f[3]), f[4]] for f in warnings.filters],
    "environ": list(os.environ.items()),
    "chance": [random.random(), hash("podium"), os.urandom(8).hex()],
    "globals": mine,
    "main": {name: str(globals()[name]) for name in mine if name != "__builtins__" and name != "__loader__"},
    "loader": type(__loader__).__name__, "main module": sys.modules["__main__"].__dict__ is globals(),
    "argv": [sys.argv, sys.orig_argv], "cwd": os.getcwd(), "path": sys.path, "flags": list(sys.flags),
    "handles": handles,
    "streams": [[s.name, s.mode, s.encoding, s.errors, s.fileno(), s.isatty(), s.seekable(), s.line_buffering,
                 s is o] for s, o in ((sys.stdin, sys.__stdin__), (sys.stdout, sys.__stdout__),
                                      (sys.stderr, sys.__stderr__))],
    "input": [sys.stdin.read(), os.path.samestat(os.fstat(0), os.stat("/dev/null"))],
    "signals": [str(signal.getsignal(n)) for n in signal.valid_signals()], "mask": len(signal.pthread_sigmask(0, [])),
    "threads": [t.name for t in threading.enumerate()], "main thread": threading.main_thread().ident is not None,
    "collector": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
    "hooks": [sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.gettrace(),
              sys.getprofile(), sys.getrecursionlimit(), sys.getswitchinterval(), len(sys.path_hooks)],
    "places": {p: sorted(os.listdir(p)) for p in ("/", "/etc", "/tmp", "/tmp/home", "/dev/shm", "/input", "/output",
               "/submission", "/kaggle", "/kaggle/input", "/kaggle/input/slug")},
    "python": [sys.executable, sys.prefix, sys.base_prefix, sys.hexversion],
    "who": [os.getuid() > 100000 or os.getuid(), os.getpid(), os.getppid(), os.getpriority(0, 0),
            os.sched_getscheduler(0), os.umask(0o22), os.getgroups(), open("/proc/self/oom_score_adj").read()],
    "limits": {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT_")},
    "status": [line for line in open("/proc/self/status")
               if line.startswith(("Cap", "NoNew", "Seccomp", "Sig", "Shd"))],
}
if "numpy" in sys.modules:
    import numpy
    told["chance"].append(float(numpy.random.random()))
json.dump(told, open("submission.csv", "w"))
"""
LIBRARIES = ("numpy", "pandas")
EFFECTS = {"modules", "importers", "filters", "environ"}  # of having imported a library
CHANCE = {"chance"}


class Python(WarmStage):
    preload = LIBRARIES


@pytest.fixture(name="warm")
def _warm(tmp_path: Path) -> Iterator[Python]:
    stage = Python(tmp_path, find(ENVIRONMENTS, definitions()["python"].identifier))
    yield stage
    stage.end_all()


@pytest.fixture(name="cold")
def _cold(warm: Python) -> SandboxStage:
    return SandboxStage(warm.directory, warm.environment)


def told(stage: SandboxStage, program: str = PROBE) -> dict[str, Any]:
    table = stage.directory / "train.csv"
    table.write_text("id,x\n")
    table.chmod(0o444)
    links = (("/kaggle/input/slug", "/input"),)
    env = (("OMP_NUM_THREADS", "1"), ("PODIUM_JOB_KIND", "run"))
    result = stage.run(
        program, inputs=[(table, "/input/train.csv")], links=links, env=env, memory_mb=1024, wall_s=60
    )
    assert result.facts.exit_code == 0, result.log.decode()
    found: dict[str, Any] = json.loads((result.rundir / "outputs" / "submission.csv").read_text())
    return found


def test_everything_but_the_effects_of_the_imports_is_as_in_a_cold_run(
    warm: Python, cold: SandboxStage
) -> None:
    ours, theirs = told(warm), told(cold)
    assert {name: ours[name] for name in ours if name not in EFFECTS | CHANCE} == {
        name: theirs[name] for name in theirs if name not in EFFECTS | CHANCE
    }
    assert set(theirs["modules"]) < set(ours["modules"])


def test_the_effects_are_those_of_a_program_that_imports_the_same_first(
    warm: Python, cold: SandboxStage
) -> None:
    ours, theirs = (
        told(warm),
        told(cold, f"import {', '.join(LIBRARIES)}\ndel {', '.join(LIBRARIES)}\n{PROBE}"),
    )
    theirs["importers"].remove("/submission")  # its own folder was on the path when it imported them
    assert {name: ours[name] for name in EFFECTS} == {name: theirs[name] for name in EFFECTS}
    assert "sitecustomize" not in ours["modules"]


def test_two_warm_runs_have_nothing_random_in_common(warm: Python) -> None:
    first, second = told(warm)["chance"], told(warm)["chance"]
    assert len(first) == len(second) == 4
    assert set(first).isdisjoint(second)


ENDS = {
    "an exception": "import json\ndef f():\n    return json.loads('{')\nprint('before')\nf()",
    "a syntax error": "print('never')\ndef f(:\n",
    "sys.exit": "import sys\nsys.exit(3)",
    "sys.exit with words": "import sys\nsys.exit('that is all')",
    "a signal": "import ctypes\nprint('before', flush=True)\nctypes.string_at(0)",
    # It is process 1, so this does nothing.
    "a signal to itself": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nprint('after')",
    "a signal that it handles": "import os, signal\nsignal.signal(signal.SIGUSR1, lambda *_: print('heard'))\n"
    "signal.raise_signal(signal.SIGUSR1)\nprint(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGPIPE))",
    "an interrupt": "raise KeyboardInterrupt",
    "no file's encoding": "x = '\udcff'",
    "an exit handler": "import atexit, threading\natexit.register(print, 1)\nthreading.Thread(target=print).start()",
    "a child": "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import sys, os; print(sys.path, "
    "sorted(os.environ))'], capture_output=True).stdout)",
}


@pytest.mark.parametrize("program", ENDS.values(), ids=ENDS.keys())
def test_it_ends_and_says_what_a_cold_run_does(warm: Python, cold: SandboxStage, program: str) -> None:
    text = program.encode("utf-8", "surrogateescape").decode("latin-1")
    env = (("OMP_NUM_THREADS", "1"), ("PODIUM_JOB_KIND", "run"))
    ours, theirs = (stage.run(text, memory_mb=1024, env=env) for stage in (warm, cold))
    assert ours.log == theirs.log
    assert (ours.facts.exit_code, ours.facts.signal) == (theirs.facts.exit_code, theirs.facts.signal)
