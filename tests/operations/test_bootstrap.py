"""`tools/bootstrap.sh` and `manage.py serve` on machines where something is wrong: one line that says what to do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import ROOT

SHELL = "/bin/sh"
NOBODY = 65534


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A folder with what the script reads, which any user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="podium-bootstrap-"))
    folder.chmod(0o755)
    shutil.copytree(ROOT / "tools", folder / "tools")
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    (folder / "bin").mkdir()
    yield folder
    shutil.rmtree(folder)


def fake(checkout: Path, name: str, script: str) -> None:
    """A program of the machine that answers as on another machine."""
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def bootstrap(
    checkout: Path, level: str = "app", *, user: int | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    inherited = dict(os.environ)  # noqa: TID251 - the script sees what a shell would hand on
    environment = inherited | {"PATH": f"{checkout / 'bin'}:{inherited['PATH']}"} | settings
    return subprocess.run(
        [SHELL, "tools/bootstrap.sh", level],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        user=user,
        check=False,
    )


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that was said."""
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("Podium: ")
    return lines[0]


def real_python() -> str:
    """The interpreter beneath the venv these tests run in: its path holds no name we fake."""
    return os.path.realpath(sys.executable)


def test_a_python_that_is_not_there_is_named(checkout: Path) -> None:
    assert "PYTHON=/nowhere/python3 cannot be run" in complaint(
        bootstrap(checkout, PYTHON="/nowhere/python3")
    )


def test_an_old_python_is_refused(checkout: Path) -> None:
    fake(checkout, "old-python", "exit 1")
    said = complaint(bootstrap(checkout, PYTHON="old-python"))
    assert "is too old: Podium needs Python 3.11 or newer" in said


def test_no_new_python_at_all_says_what_to_install(checkout: Path) -> None:
    for name in ("python3.11", "python3.12", "python3.13", "python3.14", "python3"):
        fake(checkout, name, "exit 1")
    assert "apt-get install python3 python3-venv" in complaint(bootstrap(checkout))


def test_a_python_without_venv_says_which_package_brings_it(checkout: Path) -> None:
    fake(checkout, "bare-python", f'case "$*" in *ensurepip*) exit 1;; esac; exec {real_python()} "$@"')
    assert "apt-get install python3-venv" in complaint(bootstrap(checkout, PYTHON="bare-python"))


def test_a_full_disk_is_seen_before_anything_is_installed(checkout: Path) -> None:
    fake(checkout, "df", "echo head; echo /dev/x 100000 90000 10240 90% /")
    assert "600 MB of free disk are needed" in complaint(bootstrap(checkout))
    assert not (checkout / ".venv").exists()


def test_packages_out_of_reach_are_said_to_be(checkout: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        index = f"http://127.0.0.1:{unused.getsockname()[1]}/simple"
        done = bootstrap(
            checkout,
            PYTHON=real_python(),
            PIP_INDEX_URL=index,
            PIP_NO_CACHE_DIR="1",
            PIP_CONFIG_FILE=os.devnull,
            PIP_FIND_LINKS="",
        )
    assert "the packages cannot be fetched: check the network" in complaint(done)


def test_no_user_namespaces_are_explained_to_an_ordinary_user(checkout: Path) -> None:
    fake(checkout, "unshare", "exit 1")
    fake(checkout, "id", 'case "$1" in -u) stat -c %u .;; -un) echo visitor;; esac')
    os.chown(checkout, os.getuid() or NOBODY, -1)
    assert "no user namespaces" in complaint(bootstrap(checkout, user=None if os.getuid() else NOBODY))


def test_the_state_of_another_user_is_not_touched(checkout: Path) -> None:
    (checkout / "var").mkdir()
    fake(checkout, "id", 'case "$1" in -u) echo 4242;; -un) echo visitor;; esac')
    assert "var/ belongs to" in complaint(bootstrap(checkout))


def test_a_checkout_that_cannot_be_written_says_whose_it_is(checkout: Path) -> None:
    if os.getuid() != 0:
        checkout.chmod(0o555)
    said = complaint(bootstrap(checkout, user=NOBODY if os.getuid() == 0 else None))
    checkout.chmod(0o755)
    assert "not writable" in said


def test_nothing_is_done_twice(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(real_python())
    locks = [checkout / "requirements" / name for name in ("app.lock", "dev.lock")]
    digest = subprocess.run(
        f"cat {locks[0]} {locks[1]} | sha256sum | cut -d ' ' -f 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (checkout / ".venv" / ".podium-installed").write_text(f"dev {digest}\n")
    done = bootstrap(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def serve(var: Path, port: int) -> subprocess.CompletedProcess[str]:
    inherited = dict(os.environ)  # noqa: TID251 - as above
    return subprocess.run(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        cwd=ROOT,
        env=inherited | {"PODIUM_VAR": str(var)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_port_in_use_says_how_to_choose_another(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = complaint(serve(tmp_path / "var", port))
    assert f"port {port} cannot be used" in said
    assert f"PORT={port + 1}" in said
