"""A site that an ordinary user starts: limits that are only watched need somebody's word, and a demo gives its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.sandboxes import nsjail

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65_534
PROGRAM = """
import asyncio, sys
from pathlib import Path
from operations import host
from operations.layout import Layout
from operations.processes import Machine
from operations.running import NotPossible

var = Path(sys.argv[1])
layout = Layout(var=var, environments=var / "environments")
layout.make()
machine = Machine(layout=layout, port=8000, accepts_soft_limits=sys.argv[2] == "demo")
try:
    asyncio.run(host.check_sandbox(machine, print))
except NotPossible as error:
    print("refused:", error)
print("agent:", machine.agent_environment().get("PODIUM_ALLOW_SOFT_LIMITS"))
"""


@pytest.fixture(name="home")
def _home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="podium-ordinary-"))
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    yield home
    shutil.rmtree(home)


def start(home: Path, kind: str, **env: str) -> str:
    """What `make run` ("site") or `make demo` ("demo") says about the sandbox to somebody without rights."""
    python, prefix = sys.executable, list[str]()
    if os.geteuid() == 0:
        python = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or ""
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
    packages = os.pathsep.join([str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))])
    known = {"PATH": f"{Path(nsjail.binary()).parent}:/usr/bin:/bin", "PYTHONPATH": packages}
    done = subprocess.run(
        [*prefix, python, "-c", PROGRAM, str(home / "var"), kind],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env=known | {"PYTHONDONTWRITEBYTECODE": "1"} | env,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_site_is_refused_with_the_way_out_in_one_line(home: Path) -> None:
    first, agent = start(home, "site").splitlines()
    assert first.startswith("refused: CPU time and memory would only be watched here, not enforced: ")
    assert first.endswith("or accept that with PODIUM_ALLOW_SOFT_LIMITS=1")
    assert agent == "agent: None"


def test_a_site_starts_on_its_operators_word(home: Path) -> None:
    first, agent = start(home, "site", PODIUM_ALLOW_SOFT_LIMITS="1").splitlines()
    assert first.startswith("the sandbox watches CPU time and memory instead of enforcing them")
    assert agent == "agent: 1"


def test_a_demo_accepts_it_and_says_so(home: Path) -> None:
    first, agent = start(home, "demo").splitlines()
    assert "instead of enforcing them, which a demo accepts" in first
    assert agent == "agent: 1"
