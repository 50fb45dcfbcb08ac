"""What is taken out of /output, and what is not, whatever a program puts there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runners.sandboxes.collect import collect
from runners.spec import MAX_OUTPUT_FILES
from runners.verdict import OutputState, Verdict
from tests.runners.sandbox_stage import SUBMISSION, WRITE_OUTPUT, SandboxStage, everywhere

_CANARY = "canary-7f3a"

_ODD = {
    "a link to a label file": "import os\nos.symlink('{secret}', 'submission.csv')",
    "a link to its own environment": "import os\nos.symlink('/proc/self/environ', 'submission.csv')",
    "a FIFO": "import os\nos.mkfifo('submission.csv')",
    "a socket": "import socket\nsocket.socket(socket.AF_UNIX).bind('submission.csv')",
    "a directory": "import os\nos.mkdir('submission.csv')",
    "a file with a second name": f"{WRITE_OUTPUT}\nimport os\nos.link('submission.csv', 'again.csv')",
}


@pytest.mark.sandbox
@pytest.mark.parametrize("program", _ODD.values(), ids=_ODD.keys())
def test_anything_but_a_plain_file_is_no_output(sandbox: SandboxStage, tmp_path: Path, program: str) -> None:
    secret = tmp_path / "labels.csv"
    secret.write_text(_CANARY)
    result = sandbox.run(program.replace("{secret}", str(secret)))
    assert result.verdict is Verdict.INVALID_OUTPUT
    assert result.facts.output is OutputState.NOT_REGULAR
    assert result.names == []
    assert result.took_s < 10


@everywhere
@pytest.mark.sandbox
def test_only_plain_files_with_sane_names_come_out(sandbox: SandboxStage) -> None:
    result = sandbox.run(
        f"""
{WRITE_OUTPUT}
import os
for name in ("model.bin", "..hidden", "-rf", "a b.csv", "x\\ny", "\\u202eabc", "n" * 200, "plot.png"):
    open(name, "w").write(name)
os.symlink("/proc/self/environ", "environ.txt")
os.mkfifo("pipe.txt")
os.makedirs("deep/er")
open("deep/er/file.txt", "w").write("x")
"""
    )
    assert result.verdict is None
    assert result.names == [SUBMISSION, "model.bin", "plot.png"]
    assert sorted(path.name for path in (result.rundir / "outputs").iterdir()) == sorted(result.names)


@pytest.mark.sandbox
def test_an_output_that_its_owner_made_unreadable_is_read(sandbox: SandboxStage) -> None:
    result = sandbox.run(f"{WRITE_OUTPUT}import os\nos.chmod('submission.csv', 0)\nos.chmod('/output', 0)")
    assert result.verdict is None


@everywhere
@pytest.mark.sandbox
@pytest.mark.alone
def test_thousands_of_files_and_directories_do_not_delay_the_end(sandbox: SandboxStage) -> None:
    result = sandbox.run(
        f"""
import os
{WRITE_OUTPUT}
for i in range(15_000): open(f"file-{{i}}", "w").close()
for i in range(5_000):
    os.mkdir("d"); os.chdir("d")
""",
        inodes=25_000,
        wall_s=60,
        cpu_s=60,
    )
    assert result.verdict is None
    assert len(result.names) == MAX_OUTPUT_FILES
    assert result.took_s - result.facts.wall_s < 10


@pytest.fixture
def output(tmp_path: Path) -> Path:
    place = tmp_path / "output"
    place.mkdir()
    return place


def _collect(
    output: Path, max_bytes: int = 100, *, kept: tuple[str, ...] = ()
) -> tuple[OutputState, list[tuple[str, int]]]:
    directory = os.open(output, os.O_RDONLY | os.O_DIRECTORY)
    try:
        state, files = collect(
            directory, output.parent / "taken", required=SUBMISSION, max_bytes=max_bytes, kept=kept
        )
    finally:
        os.close(directory)
    return state, [(file.name, file.size) for file in files]


def test_the_limit_holds_for_all_files_together(output: Path) -> None:
    (output / SUBMISSION).write_bytes(bytes(60))
    (output / "a").write_bytes(bytes(41))
    (output / "b").write_bytes(bytes(40))
    (output / "c").write_bytes(b"x")
    assert _collect(output) == (OutputState.OK, [(SUBMISSION, 60), ("b", 40)])


def test_a_required_file_of_exactly_the_limit_is_taken(output: Path) -> None:
    (output / SUBMISSION).write_bytes(bytes(100))
    assert _collect(output) == (OutputState.OK, [(SUBMISSION, 100)])


def test_one_byte_more_is_too_big_and_nothing_is_taken(output: Path) -> None:
    (output / SUBMISSION).write_bytes(bytes(101))
    (output / "a").write_bytes(b"x")
    assert _collect(output) == (OutputState.TOO_BIG, [])
    assert list((output.parent / "taken").iterdir()) == []


def test_an_empty_required_file_is_a_file(output: Path) -> None:
    (output / SUBMISSION).touch()
    assert _collect(output) == (OutputState.OK, [(SUBMISSION, 0)])


def test_links_pipes_and_sockets_are_neither_followed_nor_waited_for(output: Path) -> None:
    (output.parent / "secret").write_text(_CANARY)
    (output / SUBMISSION).write_bytes(b"x")
    (output / "link").symlink_to(output.parent / "secret")
    os.link(output.parent / "secret", output / "second-name")
    os.mkfifo(output / "pipe")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(output / "socket"))
    assert _collect(output) == (OutputState.OK, [(SUBMISSION, 1)])


def test_kept_names_come_out_without_the_required_file(output: Path) -> None:
    for name in ("notebook.html", "notebook.ipynb", "other"):
        (output / name).write_bytes(b"x")
    assert _collect(output, kept=("notebook.ipynb", "notebook.html", "missing")) == (
        OutputState.MISSING,
        [("notebook.ipynb", 1), ("notebook.html", 1)],
    )


def test_kept_names_come_before_others_and_under_the_same_limit(output: Path) -> None:
    (output / SUBMISSION).write_bytes(bytes(40))
    (output / "a").write_bytes(bytes(30))
    (output / "notebook.html").write_bytes(bytes(50))
    (output / "notebook.ipynb").write_bytes(bytes(11))
    assert _collect(output, kept=("notebook.html", "notebook.ipynb")) == (
        OutputState.OK,
        [(SUBMISSION, 40), ("notebook.html", 50)],
    )


def test_kept_names_are_held_to_being_plain_files(output: Path) -> None:
    (output.parent / "secret").write_text(_CANARY)
    (output / "notebook.html").symlink_to(output.parent / "secret")
    os.mkfifo(output / "notebook.ipynb")
    assert _collect(output, kept=("notebook.html", "notebook.ipynb")) == (OutputState.MISSING, [])
