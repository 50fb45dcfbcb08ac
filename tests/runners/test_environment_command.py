"""`python -m runners.environments`, as a person or a supervisor runs it."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runners.environments import Progress
from runners.environments.display import Display

_BUILD = [sys.executable, "-m", "runners.environments", "build", "scoring", "--root"]


def _state(percent: int, step: str = "Fetching packages") -> Progress:
    return Progress(name="scoring", version="0" * 12, state="building", percent=percent, step=step)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_one_line_that_changes() -> None:
    terminal = _Terminal()
    display = Display(terminal)
    for percent in range(50):
        display.show(_state(percent))
    assert terminal.getvalue().count("\n") == 0
    assert terminal.getvalue().count("\r") == 50


def test_a_log_gets_a_line_for_every_ten_percent_and_every_step() -> None:
    log = io.StringIO()
    display = Display(log)
    for percent in range(50):
        display.show(_state(percent, f"Fetching packages ({percent} of 50)"))
    display.show(_state(50, "Compiling modules"))
    assert len(log.getvalue().splitlines()) == 6


def test_an_unreachable_index_ends_the_command_with_3_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{closed}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    done = subprocess.run([*_BUILD, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "UV_DEFAULT_INDEX" in done.stderr


def test_a_terminated_command_ends_at_once_and_leaves_nothing_half_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never answers
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
        with subprocess.Popen(
            [*_BUILD, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            silent.settimeout(20)
            guest, _ = silent.accept()
            with guest:
                process.send_signal(signal.SIGTERM)
                _, errors = process.communicate(timeout=5)
    assert (process.returncode, errors) == (130, b"")
    assert [path.name for path in (tmp_path / "scoring").iterdir() if path.is_dir()] == []


def test_an_unknown_environment_is_refused_with_the_names_there_are() -> None:
    command = [*_BUILD[:4], "pytorch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "tensorflow" in done.stderr
