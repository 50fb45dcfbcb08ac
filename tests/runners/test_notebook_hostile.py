"""Notebooks that print for ever, forge the driver's files, or attack the driver: contained, and collected safely."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runners.notebook import bundle
from runners.verdict import Verdict
from tests.runners.notebook_stage import WRITE_OUTPUT, NotebookStage, executed, outputs, report, shown

pytestmark = pytest.mark.sandbox


def test_endless_printing_is_ended_as_a_flood(notebooks: NotebookStage) -> None:
    result = notebooks.execute("while True: print('x' * 1000)", wall_s=50)
    assert result.verdict in {Verdict.OUTPUT_LIMIT_EXCEEDED, Verdict.MEMORY_LIMIT_EXCEEDED}
    assert len(result.log) < 100 * 1024


def test_a_cell_that_prints_much_keeps_the_beginning_and_a_note(notebooks: NotebookStage) -> None:
    result = notebooks.execute("for i in range(20_000): print(i, 'x' * 40)", WRITE_OUTPUT)
    assert result.verdict is None
    kept = outputs(result, 1)
    assert len(kept) < 400_000
    assert "0 xxxx" in kept
    assert "the rest is left out" in kept


def test_pictures_beyond_the_limit_are_left_out(notebooks: NotebookStage) -> None:
    cell = (
        "from IPython.display import Image, display\n"
        "for _ in range(12):\n    display(Image(data=bytes(1 << 20), format='png'))"
    )
    result = notebooks.execute(cell, cell, cell, cell, cell, WRITE_OUTPUT, disk_mb=64)
    assert result.verdict is None
    sizes = {file.name: file.size for file in result.outcome.files}
    assert sizes[bundle.EXECUTED] < 8 << 20
    assert sizes[bundle.PAGE] < 9 << 20
    assert "the rest is left out" in outputs(result, 1)


def test_a_progress_bar_that_redraws_itself_counts_once(notebooks: NotebookStage) -> None:
    cell = (
        "from IPython.display import clear_output\n"
        "for i in range(30):\n    clear_output()\n    print(i, 'y' * 20_000)"
    )
    kept = outputs(notebooks.execute(cell), 1)
    assert "29 yyyy" in kept
    assert "28 yyyy" not in kept


_FORGERIES = {
    "links": "os.symlink('/etc/passwd', name)",
    "pipes": "os.mkfifo(name)",
    "directories": "os.mkdir(name)",
    "100 MB": "open(name, 'wb').truncate(100 << 20)",
}
_EACH = "import os\nfor name in ('notebook.ipynb', 'notebook.html', 'notebook.json'):\n    "


@pytest.mark.parametrize("forgery", ["links", "pipes", "100 MB"])
def test_forged_files_are_replaced_by_the_drivers(notebooks: NotebookStage, forgery: str) -> None:
    away = f"{_EACH}if os.path.lexists(name): os.remove(name)\n    {_FORGERIES[forgery]}"
    result = notebooks.execute(away, WRITE_OUTPUT, disk_mb=400)
    assert result.verdict is None
    assert report(result) == {"cells": 2, "done": 2}
    assert len(executed(result)["cells"]) == 2
    assert "root:" not in shown(result)


@pytest.mark.parametrize("forgery", _FORGERIES)
def test_forged_files_of_a_killed_driver_are_no_files(notebooks: NotebookStage, forgery: str) -> None:
    """A child forges them for ever, also after the driver's last word; the run ends at its time limit."""
    cell = (
        f"import shutil, time\n{WRITE_OUTPUT}\nif True:\n"
        "    while True:\n"
        f"        {_EACH.replace(chr(10), chr(10) + '        ')}"
        "    (shutil.rmtree if os.path.isdir(name) and not os.path.islink(name) else os.remove)(name) "
        f"if os.path.lexists(name) else None; {_FORGERIES[forgery]}\n"
        "        time.sleep(0.2)"
    )
    result = notebooks.execute(cell, wall_s=8, disk_mb=400)
    assert result.verdict is Verdict.TIME_LIMIT_EXCEEDED
    for file in result.outcome.files:
        assert file.size <= 16 << 20
        assert b"root:" not in (result.rundir / "outputs" / file.name).read_bytes()


def test_a_directory_in_the_files_place_costs_the_file_and_not_the_run(notebooks: NotebookStage) -> None:
    result = notebooks.execute(
        f"{_EACH}os.path.lexists(name) and os.remove(name); os.mkdir(name)", WRITE_OUTPUT
    )
    assert result.verdict is None
    assert result.names == ["submission.csv"]


def test_a_full_disk_is_the_disks_verdict(notebooks: NotebookStage) -> None:
    result = notebooks.execute(
        "with open('/tmp/big', 'wb') as file:\n    while True: file.write(bytes(1 << 20))"
    )
    assert result.verdict is Verdict.DISK_LIMIT_EXCEEDED


def test_the_driver_outlives_an_attack_by_its_notebook(notebooks: NotebookStage) -> None:
    attack = (
        "import os, signal\nfor number in range(1, 32):\n    os.kill(1, number) if number != 19 else None"
    )
    result = notebooks.execute(attack, WRITE_OUTPUT)
    assert result.verdict in {None, Verdict.RUNTIME_ERROR}
    assert result.took_s < 30


def test_odd_text_is_kept_as_text(notebooks: NotebookStage) -> None:
    result = notebooks.execute(
        "print('\\ud800 \\x00 \\x1b[31mred\\x1b[0m \\u202e <script>alert(1)</script>')", WRITE_OUTPUT
    )
    assert result.verdict is None
    assert json.dumps(executed(result))
    assert "<script>alert" not in shown(result)


def test_a_closed_stdout_does_not_take_the_notebook_along(notebooks: NotebookStage) -> None:
    result = notebooks.execute("import os\nos.close(1)\nos.close(2)\nprint('x')", WRITE_OUTPUT)
    assert result.verdict is None


_SHOWS = "from IPython.display import display\nfrom functools import reduce\n"
_SENDS = "k = get_ipython().kernel\nk.session.send(k.iopub_socket, "
_ODD_SHOWS = {
    "JSON of 600 levels": f"{_SHOWS}display({{'application/json': reduce(lambda d, _: [d], range(600), 1)}}, raw=True)",
    "a display of nothing": f"{_SENDS}'display_data', {{}}, parent=k.get_parent('shell'))",
    "a number as text": f"{_SENDS}'stream', {{'name': 5, 'text': 7}}, parent=k.get_parent('shell'))",
    "an error without words": f"{_SENDS}'error', {{'ename': 5}}, parent=k.get_parent('shell'))",
    "a list of data": f"{_SENDS}'display_data', {{'data': [1], 'metadata': 2}}, parent=k.get_parent('shell'))",
    "a name of what is shown": f"{_SENDS}'update_display_data', {{'transient': 5}}, parent=k.get_parent('shell'))",
}


@pytest.mark.parametrize("shows", _ODD_SHOWS)
def test_what_cannot_be_kept_is_left_out_and_the_notebook_goes_on(
    notebooks: NotebookStage, shows: str
) -> None:
    result = notebooks.execute(_ODD_SHOWS[shows], f"{WRITE_OUTPUT}\nprint('went on')")
    assert result.verdict is None, result.log
    assert report(result) == {"cells": 2, "done": 2}
    assert "of a form that cannot be kept" in outputs(result, 1)
    assert "went on" in shown(result)


@pytest.mark.parametrize(
    "attachments", [{"x.png": 5}, {"a": {"b": {"c": {}}}}, {"x.png": {"image/png": [1]}}]
)
def test_odd_attachments_are_left_out(notebooks: NotebookStage, attachments: dict[str, Any]) -> None:
    text = {"cell_type": "markdown", "metadata": {}, "source": "![x](attachment:x.png)"}
    result = notebooks.execute(text | {"attachments": attachments}, WRITE_OUTPUT)
    assert result.verdict is None, result.log
    assert len(executed(result)["cells"]) == 2


def test_a_page_that_takes_long_to_draw_makes_no_notebook_late(notebooks: NotebookStage) -> None:
    """So many paragraphs take longer to draw than the run may take in all."""
    text = {"cell_type": "markdown", "metadata": {}, "source": "*a* `b` [c](d)\n\n" * 60_000}
    result = notebooks.execute(text, WRITE_OUTPUT, wall_s=20, memory_mb=2048)
    assert result.verdict is None, result.log
    assert "no time was left to draw" in result.log.decode()
    assert len(executed(result)["cells"]) == 2


@pytest.mark.parametrize(
    "cell",
    [
        "import os; os.write(2, b'x' * 400_000)",
        "print('x' * 400_000)",
        "import subprocess; subprocess.run(['head', '-c', '3000000', '/dev/zero'], stdout=2)",
        "print('\\r' * 200_000, 'x' * 200_000)",
    ],
    ids=["to descriptor 2", "printed", "by a child", "over and over"],
)
def test_a_line_without_an_end_is_no_reason_to_wait(notebooks: NotebookStage, cell: str) -> None:
    result = notebooks.execute(cell, WRITE_OUTPUT)
    assert result.verdict is None
    assert result.facts.cpu_s < 12


def test_a_line_that_is_written_over_is_kept_as_a_terminal_shows_it(notebooks: NotebookStage) -> None:
    cell = (
        "import sys\nfor n in range(3): sys.stderr.write(f'\\r{n} of 3')\n"
        "print('a\\r\\nb\\rc')\nprint('d', file=sys.stderr)"
    )
    kept = executed(notebooks.execute(cell, WRITE_OUTPUT))["cells"][0]["outputs"]
    assert [(output["name"], "".join(output["text"])) for output in kept] == [
        ("stdout", "a\r\nc\n"),
        ("stderr", "2 of 3d\n"),
    ]
