"""The trial of a GPU host, on a host without one: what it says there, and that its steps are real."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def trial(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/gpu_trial.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


def test_a_host_without_a_gpu_is_told_in_one_line() -> None:
    done = trial("--gpus", "none")
    assert (done.returncode, done.stderr) == (2, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith("no GPU here: NVIDIA's driver is not loaded")


def test_what_does_not_work_is_a_failed_line_and_the_exit_status() -> None:
    done = trial("--gpus", "fake0:1000", "--hog-s", "1")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert "device fake0: fake0, 1000 MB, free " in lines
    assert "ok     leased devices are offered to nobody: 1" in lines
    assert any(line.startswith("ok     a run without a lease reaches no GPU: libcuda") for line in lines)
    assert any(line.startswith("FAILED CUDA works in the sandbox") for line in lines)
    assert any(line.startswith("FAILED a hog is ended at its wall limit: RUNTIME_ERROR") for line in lines)
    assert lines[-1].endswith("of these did not hold")
