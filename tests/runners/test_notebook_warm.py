"""A notebook whose kernel has waited for it runs as any other, only sooner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from runners.environments import definitions
from runners.sandboxes.plan import SandboxPlan
from runners.verdict import Verdict
from runners.warm.idle import give
from runners.warm.opening import must_be_cold, program_of_notebook
from tests.runners.notebook_stage import (
    WRITE_OUTPUT,
    NotebookStage,
    WarmNotebookStage,
    executed,
    notebook,
    outputs,
    report,
)
from tests.runners.sandbox_stage import until

pytestmark = pytest.mark.sandbox

LOOK = """
import builtins, gc, json, os, signal, sys, threading, warnings
told = {
    "modules": sorted(name for name in sys.modules),
    "names": sorted(name for name in globals() if not name.startswith("_i")),
    "main": __name__,
    "argv": [word.rpartition("/")[2] for word in sys.argv],
    "cwd": os.getcwd(),
    "environ": {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"},
    "path": sys.path,
    "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
    "session": os.getsid(0) == os.getpid(),
    "stdin": os.readlink("/proc/self/fd/0").partition(":")[0],
    "stdout": os.readlink("/proc/self/fd/1").partition(":")[0],
    "filters": len(warnings.filters),
    "builtins": sorted(vars(builtins)),
}
json.dump(told, open("look.json", "w"))
"""


def _look(stage: NotebookStage) -> dict[str, Any]:
    result = stage.execute(LOOK, WRITE_OUTPUT, memory_mb=1024, pids=256)
    assert result.verdict is None, result.log.decode()
    told: dict[str, Any] = json.loads((result.rundir / "outputs" / "look.json").read_text("utf-8"))
    return told


def test_but_for_what_was_imported_a_cell_sees_the_same_in_a_kernel_that_waited(
    notebooks: NotebookStage, warm_notebooks: WarmNotebookStage
) -> None:
    cold, warm = _look(notebooks), _look(warm_notebooks)
    more = {name.partition(".")[0] for name in set(warm.pop("modules")) - set(cold.pop("modules"))}
    assert set(definitions()["python"].preload) & more
    assert "sitecustomize" not in more
    assert "podium_kernel" not in more
    set_by_sklearn = {"KMP_DUPLICATE_LIB_OK": "True", "KMP_INIT_AT_FORK": "FALSE"}
    assert warm.pop("environ") == cold.pop("environ") | set_by_sklearn
    warm["filters"] = cold["filters"]  # libraries add some when they are imported
    assert warm == cold


def test_two_kernels_that_waited_draw_different_random_numbers(warm_notebooks: WarmNotebookStage) -> None:
    draw = "import random, numpy\nprint(random.random(), numpy.random.random(), hash('podium'))"
    first, second = (outputs(warm_notebooks.execute(draw, memory_mb=1024, pids=256), 1) for _ in range(2))
    assert first != second


def test_an_error_is_told_and_nothing_after_it_is_run(warm_notebooks: WarmNotebookStage) -> None:
    result = warm_notebooks.execute("x = 1", "1 / 0", WRITE_OUTPUT, memory_mb=1024, pids=256)
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert report(result)["failed"]["name"] == "ZeroDivisionError"
    assert executed(result)["cells"][2]["execution_count"] is None
    assert "held" not in result.log.decode()


def test_a_kernel_that_dies_is_told_with_its_last_words(warm_notebooks: WarmNotebookStage) -> None:
    crash = "import ctypes\nctypes.string_at(0)"
    result = warm_notebooks.execute(crash, memory_mb=1024, pids=256)
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert "killed by signal 11" in result.log.decode()
    assert "Segmentation fault" in result.log.decode()


class OrphanedStage(WarmNotebookStage):
    """The kernel dies between the moment it was ready and the notebook's beginning."""

    def start(self, rundir: Path, plan: SandboxPlan) -> None:
        waiting = self.waiting()
        shim = psutil.Process(json.loads((waiting.path / "shim.json").read_text())["pid"])
        (kernel,) = (one for one in shim.children(recursive=True) if "ipykernel_launcher" in one.cmdline())
        kernel.kill()
        until(lambda: kernel.status() == psutil.STATUS_ZOMBIE, "the kernel to die")
        assert give(waiting, plan, rundir)


def test_a_kernel_that_died_while_it_waited_is_replaced(notebooks: NotebookStage) -> None:
    staged = OrphanedStage(notebooks.directory, notebooks.environment)
    result = staged.execute("import os\nos.abort()", WRITE_OUTPUT, memory_mb=1024, pids=256)
    assert (
        b"Fatal Python error: Aborted" in result.log
    )  # so what it wrote at last was read, as any kernel's is


def test_limits_hold_for_the_kernel_that_waited(warm_notebooks: WarmNotebookStage) -> None:
    hog = "x = []\nwhile True: x.append(bytearray(1 << 22))"
    assert warm_notebooks.execute(hog, memory_mb=700, pids=256).verdict is Verdict.MEMORY_LIMIT_EXCEEDED
    idle = "import time; time.sleep(60)"
    assert (
        warm_notebooks.execute(idle, memory_mb=1024, pids=256, wall_s=2).verdict
        is Verdict.TIME_LIMIT_EXCEEDED
    )


@pytest.mark.parametrize(
    ("cells", "cold"),
    [
        (["import numpy", "print(1)"], False),
        (["import os\nos.environ['X'] = '1'", "import numpy"], True),
        (["%env OMP_NUM_THREADS=1", "import numpy"], True),
        (["%matplotlib inline\n!ls", "import numpy"], False),
        (["import os\nos.environ['X'] = '1'\nfiles = !ls", "import numpy"], True),
        (["%%bash\nls -l | wc", "import os\nos.environ['X'] = '1'", "import numpy"], True),
        (["# podium: cold\nprint(1)"], True),
        (["import numpy", "import os\nos.environ['X'] = '1'"], False),
    ],
)
def test_a_notebook_that_sets_variables_first_starts_cold(cells: list[str], *, cold: bool) -> None:
    assert must_be_cold(program_of_notebook(notebook(*cells)), ["numpy"]) is cold


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff\xfe", b'{"cells": [{"cell_type": "code"}]}', b"[" * 100_000]
)
def test_what_is_no_notebook_has_no_program(content: bytes) -> None:
    assert program_of_notebook(content) == b""
