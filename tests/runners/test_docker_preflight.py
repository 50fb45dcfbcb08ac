"""The table of what Docker enforces here, with runc and with gVisor, is found out by trying."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runners.sandboxes import preflight, preflight_docker
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.preflight import Status
from tests.docker import ROOT, PrivateDaemon, answers, why_not
from tests.runners.sandbox_stage import AS_ROOT, host_traces

pytestmark = pytest.mark.sandbox
_LIMITS = {
    "sandbox",
    "cgroup",
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


@pytest.mark.parametrize("sandbox", [Sandbox.DOCKER, Sandbox.RUNSC])
def test_every_limit_has_a_row_and_holds(
    sandbox: Sandbox, docker_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODIUM_DOCKER_HOST", docker_host)
    traces = Path(tempfile.gettempdir(), "podium-preflight")
    before = host_traces(traces)
    rows = {row.limit: row for row in preflight.check(tmp_path, sandbox)}
    environments = {limit for limit in rows if limit.startswith("environment ")}
    assert {limit.split("@")[0] for limit in environments} >= {"environment python", "environment scoring"}
    notes = {limit for limit, row in rows.items() if row.status is Status.NOTE}
    assert set(rows) - environments - notes - {"runc"} == _LIMITS
    assert {limit for limit, row in rows.items() if row.status not in (Status.HARD, Status.NOTE)} == set()
    assert host_traces(traces) == before


def test_the_command_tries_the_sandbox_that_is_named(docker_host: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "runners.sandboxes.preflight", "--sandbox", "docker"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={"PODIUM_DOCKER_HOST": docker_host, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert told.returncode == 0, told.stdout
    assert told.stdout.splitlines()[0].startswith("sandbox")
    assert "Docker Engine" in told.stdout


def test_a_runtime_that_the_daemon_does_not_know_is_told_how_to_register(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := why_not():
        pytest.skip(reason)
    with PrivateDaemon(tmp_path, with_runsc=False).used() as host:
        monkeypatch.setenv("PODIUM_DOCKER_HOST", host)
        (row,) = preflight.check(None, Sandbox.RUNSC)
        (other,) = preflight.check(None, Sandbox.DOCKER)
    assert not answers(host)
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    assert subprocess.run(["pgrep", "-f", str(tmp_path)], check=False, capture_output=True).stdout == b""
    assert row.status is Status.MISSING
    assert "/etc/docker/daemon.json" in row.advice
    assert "build_environments --sandbox docker" in other.advice  # it has runc, and no image to try it with


def test_a_daemon_that_is_away_is_a_row_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    (row,) = preflight.check(None, Sandbox.DOCKER)
    assert row.status is Status.MISSING
    assert ("PODIUM_DOCKER_HOST" if AS_ROOT else "root") in row.advice


@pytest.mark.parametrize(
    ("version", "commit", "mended", "status", "advice"),
    [
        ("1.2.8", "v1.2.8-0-geeb7e60", (), Status.HARD, ""),
        ("1.2.7", "v1.2.7-0-gabcdef0", (), Status.NOTE, "upgrade runc to 1.2.8, 1.3.3, 1.4.0 or newer"),
        ("1.3.2", "v1.3.2-0-gabcdef0", (), Status.NOTE, "upgrade runc"),
        ("1.3.3", "v1.3.3", (), Status.HARD, ""),
        ("1.4.1", "", (), Status.HARD, ""),
        ("2.0.0", "", (), Status.HARD, ""),
        ("1.1.12", "v1.1.12", (), Status.NOTE, "upgrade runc"),
        ("1.1.5+ds1", "1.1.5+ds1-1+deb12u1", (), Status.NOTE, "security tracker"),
        ("1.1.5+ds1", "1.1.5+ds1-1+deb12u1", ("CVE-2024-21626",), Status.NOTE, "CVE-2025-31133"),
        ("1.1.5+ds1", "1.1.5+ds1-1+deb12u9", preflight_docker.RUNC_HOLES, Status.HARD, ""),
        ("", "", (), Status.NOTE, "its version is not known"),
    ],
)
def test_a_runc_with_known_holes_is_a_note_unless_its_package_says_that_it_mends_them(
    version: str, commit: str, mended: tuple[str, ...], status: Status, advice: str
) -> None:
    row = preflight_docker.runc_row(version, commit, mended)
    assert row.status is status
    assert (advice in row.advice) if advice else (row.advice == "")
    assert not set(mended) & set(row.advice.replace(",", "").split())


def test_what_a_package_mends_is_read_in_its_changelog(tmp_path: Path) -> None:
    changelog = tmp_path / "changelog.Debian.gz"
    assert preflight_docker.mended_by_package(changelog) == set()
    changelog.write_bytes(gzip.compress(b"runc (1.1.5+ds1-1+deb12u1)\n  * CVE-2024-21626: leaked fds\n"))
    assert preflight_docker.mended_by_package(changelog) == {"CVE-2024-21626"}


@pytest.mark.parametrize(
    ("version", "status"),
    [("1.17.8", Status.HARD), ("1.18.0", Status.HARD), ("1.17.7", Status.NOTE), ("unknown", Status.NOTE)],
)
def test_an_old_toolkit_of_nvidia_is_a_note(version: str, status: Status) -> None:
    row = preflight_docker.toolkit_row(version)
    assert row.status is status
    assert ("CVE-2025-23266" in row.advice) is (status is Status.NOTE)
