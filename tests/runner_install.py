"""A `podium-runner` as a university installs it: a venv of its own, the wheel from a running site, its own folder."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path

import httpx

from tests.stack import ENVIRONMENTS, Stack, eventually

INHERITED = ("PATH", "PIP_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT", "PIP_CONFIG_FILE", "HOME", "LANG")


def plain_environment() -> dict[str, str]:
    """What an operator's shell has: nothing of this checkout's."""
    known = dict(os.environ)  # noqa: TID251 - pip's own settings of this machine
    return {name: known[name] for name in INHERITED if name in known}


def install(site: str, venv: Path, python: str = sys.executable) -> None:
    """Do what the page /runners/ of the site says, in another folder than it says."""
    page = unescape(httpx.get(f"{site}/runners/").text)
    command = re.search(r"/opt/podium-runner/bin/(pip install .*?)</code>", page, re.DOTALL)
    assert command is not None, page
    subprocess.run([python, "-m", "venv", str(venv)], check=True, env=plain_environment())
    done = subprocess.run(
        f"{venv}/bin/{command[1]}",
        shell=True,
        check=False,
        env=plain_environment(),
        capture_output=True,
        text=True,
        cwd=venv,
    )
    assert done.returncode == 0, done.stderr


@dataclasses.dataclass
class Runner:
    """One installation and its folder. `begin` starts `podium-runner`, as often as a test likes."""

    venv: Path
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def program(self) -> str:
        return str(self.venv / "bin" / "podium-runner")

    @property
    def log_path(self) -> Path:
        return self.folder / "said.log"

    def begin(self, *arguments: str, prefix: tuple[str, ...] = (), **env: str) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, self.program, "--dir", str(self.folder / "runner"), *arguments],
                cwd=self.folder,
                env=plain_environment() | {"PODIUM_LOOK_EVERY_S": "1"} | env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self.process

    def attach(self, stack: Stack, *arguments: str) -> None:
        """Begin with the token of pool `cpu` and the environments of this checkout, and wait until it is ready."""
        before = self.said().count('"event": "agent ready"')
        self.begin(
            "--site", stack.url, "--token-file", str(self.token_file(stack)), *self.built(), *arguments
        )
        eventually(
            lambda: self.said().count('"event": "agent ready"') > before or self.ended(),
            what="the runner is ready",
        )
        assert not self.ended(), self.said()

    def token_file(self, stack: Stack) -> Path:
        """A copy of the pool's token, private."""
        file = self.folder / "pool-token"
        self.folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text((stack.var / "secrets" / "pools" / "cpu").read_text())
        return file

    def built(self) -> tuple[str, str]:
        """Environments that were built elsewhere."""
        link = self.folder / "environments"
        if not link.exists():
            link.symlink_to(ENVIRONMENTS)
        return ("--environments-dir", str(link))

    def said(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def wait(self, within_s: float = 30.0) -> int:
        """Wait for its end; its exit status."""
        assert self.process is not None
        return self.process.wait(within_s)

    def wait_to_say(self, text: str, within_s: float = 30.0) -> str:
        """Wait until it says so; the line."""

        def line() -> str:
            return next((line for line in self.said().splitlines() if text in line), "")

        found: str = eventually(line, within_s=within_s, what=f"it says {text!r}: {self.said()}")
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, reap: Callable[[Path], None]) -> None:
        """Whatever a test left: the agent, its sandboxes, its folder."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        runs = self.folder / "runner" / "runs"
        for run in runs.iterdir() if runs.exists() else ():
            reap(run / "sandbox")
        shutil.rmtree(self.folder / "runner", ignore_errors=True)
