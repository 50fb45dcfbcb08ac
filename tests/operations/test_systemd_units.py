"""deploy/systemd: what systemd itself says of the units, and what the installer puts where."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs Debian's systemd")

ROOT = Path(__file__).resolve().parent.parent.parent
UNITS = ROOT / "deploy" / "systemd"
INHERITED = dict(os.environ)  # noqa: TID251 - for child processes
OF_THE_SITE = ("podium-prepare", "podium-web", "podium-judge", "podium-beat", "podium-publisher")
# systemd's own measure, 0 to 10: what a unit exposes. The agent's is that of a program which makes namespaces as root.
MOST_EXPOSED = dict.fromkeys(OF_THE_SITE, 2.0) | {"podium-agent": 7.5}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A tree that install.sh was told to install into."""
    told = INHERITED | {"DESTDIR": str(tmp_path)}
    subprocess.run(["sh", str(UNITS / "install.sh")], env=told, check=True, capture_output=True)
    return tmp_path


def here(installed: Path, folder: Path) -> list[Path]:
    """The installed units, for this checkout instead of /opt/podium."""
    found = []
    for unit in sorted((installed / "etc/systemd/system").iterdir()):
        text = (
            unit.read_text()
            .replace("/opt/podium/.venv/bin/python", sys.executable)
            .replace("/opt/podium", str(ROOT))
        )
        found.append(folder / unit.name)
        found[-1].write_text(text)
    return found


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(
    installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("units")
    units = [str(path) for path in here(installed, folder)]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        env=INHERITED | {"SYSTEMD_UNIT_PATH": f"{folder}:"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "podium" in line]
    assert (done.returncode, ours) == (0, [])
    assert len(units) == 7


@pytest.mark.parametrize("unit", sorted(MOST_EXPOSED))
@needs_systemd
def test_a_unit_exposes_no_more_than_it_must(unit: str) -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / f"{unit}.service")],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    score = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert score is not None, said
    assert float(score.group(1)) <= MOST_EXPOSED[unit]


def test_the_installer_makes_a_secret_of_this_host_alone_and_keeps_what_is_there(installed: Path) -> None:
    key, settings = installed / "etc/podium/secrets/secret_key", installed / "etc/podium/podium.env"
    first = key.read_text()
    assert len(first) >= 64
    assert stat.S_IMODE(key.stat().st_mode) == 0o640
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o750
    settings.write_text("PODIUM_SITE=https://podium.example.org\n")
    told = INHERITED | {"DESTDIR": str(installed)}
    subprocess.run(["sh", str(UNITS / "install.sh")], env=told, check=True, capture_output=True)
    assert key.read_text() == first
    assert settings.read_text() == "PODIUM_SITE=https://podium.example.org\n"


def test_the_agents_unit_leaves_it_what_sandboxes_are_made_of() -> None:
    """Seen in tools/v2/units.sh: with ProtectHostname no sandbox gets a name, even in a namespace of its own."""
    agent = (UNITS / "podium-agent.service").read_text()
    directives = {line.partition("=")[0] for line in agent.splitlines() if not line.startswith("#")}
    assert not directives & {
        "ProtectHostname",
        "ProtectClock",
        "RestrictNamespaces",
        "PrivateDevices",
        "DeviceAllow",
    }


def test_the_agent_is_told_nothing_of_the_site_and_sees_only_its_tokens() -> None:
    agent = (UNITS / "podium-agent.service").read_text()
    assert "EnvironmentFile=/etc/podium/podium.env" not in agent
    assert "InaccessiblePaths=-/etc/podium/secrets -/etc/podium/podium.env" in agent
    assert (
        "TemporaryFileSystem=/var/lib/podium:ro\nBindReadOnlyPaths=/var/lib/podium/secrets/pools\n" in agent
    )
