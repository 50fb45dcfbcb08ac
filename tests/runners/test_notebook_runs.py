"""Notebooks in the real sandbox: honest ones, failing ones, and what is left of each."""

from __future__ import annotations

import pytest

from runners.notebook import bundle
from runners.verdict import KillReason, OutputState, Verdict
from tests.runners.notebook_stage import (
    WRITE_OUTPUT,
    NotebookStage,
    code,
    executed,
    notebook,
    outputs,
    report,
    shown,
)
from tests.runners.sandbox_stage import SUBMISSION

pytestmark = pytest.mark.sandbox


def test_a_good_notebook_is_scored_and_kept_with_its_page(notebooks: NotebookStage) -> None:
    result = notebooks.execute("print('hello from a cell')", WRITE_OUTPUT)
    assert result.verdict is None
    assert result.names == [SUBMISSION, *bundle.KEPT]
    log = result.log.decode().splitlines()
    assert log[:2] == ["[cell 1/2] print('hello from a cell')", "hello from a cell"]
    assert log[2].startswith("[cell 1/2] done in ")
    assert report(result) == {"cells": 2, "done": 2}
    assert "hello from a cell" in outputs(result, 1)
    assert "hello from a cell" in shown(result)


def test_no_output_of_the_upload_survives(notebooks: NotebookStage) -> None:
    result = notebooks.execute("x = 1", WRITE_OUTPUT)
    assert executed(result)["cells"][0]["outputs"] == []
    assert executed(result)["cells"][0]["execution_count"] == 1
    assert "stale output" not in result.log.decode() + shown(result) + str(executed(result))


def test_no_output_survives_in_a_cell_that_was_never_run(notebooks: NotebookStage) -> None:
    result = notebooks.execute("1 / 0", WRITE_OUTPUT)
    assert result.verdict is Verdict.RUNTIME_ERROR
    never_run = executed(result)["cells"][1]
    assert (never_run["outputs"], never_run["execution_count"]) == ([], None)
    assert "stale output" not in shown(result)


def test_a_notebook_finds_its_places_as_on_kaggle(notebooks: NotebookStage) -> None:
    cell = (
        "import os\n"
        "print(os.getcwd(), os.path.realpath('/kaggle/working'), os.path.realpath('/kaggle/input/digits'))\n"
        "open('/kaggle/working/submission.csv', 'w').write('id,target\\n1,2\\n')"
    )
    rundir = notebooks.begin(notebook(cell), links=(("/kaggle/input/digits", "/input"),))
    result = notebooks.wait(rundir, within_s=60)
    assert result.verdict is None
    assert "/output /output /input" in result.log.decode()


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "conda-base-py", "language": "python", "display_name": "Python [conda]"}},
        {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}},
    ],
    ids=["no kernel", "somebody's conda", "python3"],
)
def test_whatever_its_kernel_was_called_it_runs_in_the_environment(
    notebooks: NotebookStage, metadata: dict[str, object]
) -> None:
    cell = f"import sys; print(sys.prefix)\n{WRITE_OUTPUT}"
    result = notebooks.wait(notebooks.begin(notebook(cell, **metadata)), within_s=60)
    assert result.verdict is None
    assert "/env" in result.log.decode()


def test_plots_and_tables_are_in_the_page(notebooks: NotebookStage) -> None:
    result = notebooks.execute(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        "import pandas\npandas.DataFrame({'colour': ['teal']})",
        WRITE_OUTPUT,
    )
    assert "data:image/png;base64," in shown(result)
    assert "<td>teal</td>" in shown(result)


def test_the_page_loads_nothing_and_forbids_scripts(notebooks: NotebookStage) -> None:
    page = shown(notebooks.execute("1 + 1"))
    assert "default-src 'none'" in page
    assert "src=" not in page
    assert "<script" not in page


def test_a_failing_cell_is_named_and_the_notebook_kept(notebooks: NotebookStage) -> None:
    result = notebooks.execute(
        "x = 1", "\n# fits\nraise ValueError('no \x1b[31mgood\x1b[0m')", "print('never')"
    )
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert result.facts.exit_code == 1
    failed: dict[str, object] = {"cell": 2, "line": "# fits", "name": "ValueError", "message": "no good"}
    failed["kinds"] = ["ValueError", "Exception", "BaseException", "object"]
    assert report(result) == {"cells": 3, "done": 1, "failed": failed}
    log = result.log.decode()
    assert "[cell 2/3] failed: ValueError: no good" in log
    assert "never" not in log
    assert "ValueError" in outputs(result, 2)
    assert "ValueError" in shown(result)


@pytest.mark.parametrize(
    ("cell", "kinds"),
    [
        ("class Mine(KeyError): pass\nraise Mine('x')", ["__main__.Mine", "KeyError", "LookupError"]),
        ("import json\njson.loads('')", ["json.decoder.JSONDecodeError", "ValueError"]),
        ("x = (", ["SyntaxError", "Exception"]),
    ],
)
def test_a_failing_cell_tells_the_ancestry_of_its_exception(
    notebooks: NotebookStage, cell: str, kinds: list[str]
) -> None:
    found = report(notebooks.execute("x = 1", cell))["failed"]["kinds"]
    assert found[: len(kinds)] == kinds


def test_a_kernel_that_does_not_tell_the_ancestry_is_not_waited_for_long(notebooks: NotebookStage) -> None:
    endless = "class Endless(type):\n    @property\n    def __mro__(cls):\n        while True: pass\n"
    result = notebooks.execute(
        f"{endless}class Mine(Exception, metaclass=Endless): pass\nraise Mine", wall_s=40
    )
    failed = report(result)["failed"]
    assert (failed["name"], failed["kinds"]) == ("Mine", [])
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert result.took_s < 20


def test_tracebacks_come_to_the_log_without_colours(notebooks: NotebookStage) -> None:
    log = notebooks.execute("1 / 0").log
    assert b"ZeroDivisionError: division by zero" in log
    assert b"\x1b" not in log


def test_a_cell_that_may_raise_does_not_end_the_notebook(notebooks: NotebookStage) -> None:
    result = notebooks.execute(code("1 / 0", "raises-exception"), WRITE_OUTPUT)
    assert result.verdict is None
    assert report(result) == {"cells": 2, "done": 2}


@pytest.mark.parametrize("end", ["exit()", "quit()", "import sys; sys.exit()", "raise SystemExit(0)"])
def test_a_notebook_may_end_itself(notebooks: NotebookStage, end: str) -> None:
    result = notebooks.execute(WRITE_OUTPUT, end, "print('never')")
    assert result.verdict is None
    assert "never\n" not in result.log.decode()
    assert report(result) == {"cells": 3, "done": 2}


def test_an_exit_with_a_status_is_a_failure(notebooks: NotebookStage) -> None:
    result = notebooks.execute(WRITE_OUTPUT, "import sys; sys.exit(3)")
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert report(result)["failed"]["name"] == "SystemExit"


@pytest.mark.parametrize(
    ("death", "words"),
    [
        ("import os; os._exit(0)", "the kernel exited with 0"),
        ("import ctypes; ctypes.string_at(0)", "the kernel was killed by signal 11"),
        ("import os; os.kill(os.getpid(), 9)", "the kernel was killed by signal 9"),
    ],
)
def test_a_dead_kernel_is_a_runtime_error_and_never_a_hang(
    notebooks: NotebookStage, death: str, words: str
) -> None:
    result = notebooks.execute(WRITE_OUTPUT, death, wall_s=60)
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert result.facts.kill_reason is KillReason.NONE
    assert report(result)["failed"]["message"] == words
    assert executed(result)["cells"][1]["source"] == [death]


def test_a_crash_in_native_code_says_where_it_was(notebooks: NotebookStage) -> None:
    log = notebooks.execute("import ctypes\nctypes.string_at(0)").log.decode()
    assert "Fatal Python error: Segmentation fault" in log
    assert "line 2 in <module>" in log


def test_too_much_memory_is_told_by_the_kernels_counters(notebooks: NotebookStage) -> None:
    result = notebooks.execute("print('before')", "x = bytearray(600 << 20)", memory_mb=300)
    assert result.verdict is Verdict.MEMORY_LIMIT_EXCEEDED
    assert report(result)["running"] == {"cell": 2, "line": "x = bytearray(600 << 20)"}
    assert len(executed(result)["cells"]) == 2


def test_a_notebook_that_runs_out_of_time_leaves_what_it_had(notebooks: NotebookStage) -> None:
    result = notebooks.execute(
        "print('first cell')", "import time\nprint('second cell')\ntime.sleep(60)", wall_s=8
    )
    assert result.verdict is Verdict.TIME_LIMIT_EXCEEDED
    assert result.names == list(bundle.KEPT)
    assert report(result) == {"cells": 2, "done": 1, "running": {"cell": 2, "line": "import time"}}
    assert "first cell" in outputs(result, 1)
    assert "second cell" in outputs(result, 2)
    assert "second cell" in shown(result)


def test_a_stopped_kernel_runs_into_the_time_limit(notebooks: NotebookStage) -> None:
    result = notebooks.execute("import os; os.kill(os.getpid(), 19)", wall_s=4)
    assert result.verdict is Verdict.TIME_LIMIT_EXCEEDED


def test_input_is_an_error_and_not_a_hang(notebooks: NotebookStage) -> None:
    result = notebooks.execute("name = input('name? ')")
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert report(result)["failed"]["name"] == "StdinNotImplementedError"


def test_shell_commands_work_without_a_terminal(notebooks: NotebookStage) -> None:
    result = notebooks.execute(
        "!echo to the log; echo aside >&2", "files = !echo a b\nprint(files)", WRITE_OUTPUT
    )
    assert result.verdict is None
    lines = result.log.decode().splitlines()
    assert [lines.count(line) for line in ("to the log", "aside", "['a b']")] == [1, 1, 1]


def test_children_of_the_kernel_neither_delay_nor_survive_it(notebooks: NotebookStage) -> None:
    forks = "import os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)"
    result = notebooks.execute(WRITE_OUTPUT, forks, wall_s=40)
    assert result.verdict is None
    assert result.took_s < 20


def test_a_file_left_open_is_whole_at_the_end(notebooks: NotebookStage) -> None:
    result = notebooks.execute(f"file = open('{SUBMISSION}', 'w')\nfile.write('id,target\\n1,2\\n')")
    assert (result.rundir / "outputs" / SUBMISSION).read_text() == "id,target\n1,2\n"


def test_a_notebook_without_output_has_none(notebooks: NotebookStage) -> None:
    result = notebooks.execute("1 + 1")
    assert result.verdict is Verdict.NO_OUTPUT
    assert result.facts.output is OutputState.MISSING
    assert result.names == list(bundle.KEPT)


def test_what_is_no_notebook_ends_with_a_sentence(notebooks: NotebookStage) -> None:
    result = notebooks.wait(notebooks.begin(b"print('a script')"), within_s=60)
    assert result.verdict is Verdict.RUNTIME_ERROR
    assert "not a notebook" in result.log.decode()
