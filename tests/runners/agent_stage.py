"""A stage for the agent: the stand-in site, an environment, and `python -m runners.agent` as a real process."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runners.agent import examined
from runners.sandboxes import cgroups, shims
from runners.sandboxes.choice import Sandbox
from tests.runners.site_stand_in import HeldJob, SiteStandIn

ROOT = Path(__file__).parents[2]
ENVIRONMENT = "bare@0123456789ab"


def until(holds: Callable[[], object], what: str, timeout: float = 20.0) -> float:
    """Wait for something to become true; the seconds it took."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < timeout, f"{what}: not within {timeout:g} s"
        time.sleep(0.01)
    return time.monotonic() - begun


@functools.cache
def _preflight() -> bytes:
    """What this host's sandbox enforces, tried once for all the agents of the tests."""
    with tempfile.TemporaryDirectory() as directory:
        examined.examine(Path(directory), {Sandbox.NSJAIL})
        return Path(directory, examined.KEPT).read_bytes()


class AgentStage:
    def __init__(self, directory: Path) -> None:
        self.site = SiteStandIn()
        self.agent_dir = directory / "agent"
        self.environments_dir = directory / "environments"
        self.tokens_dir = directory / "tokens"
        self.log_path = directory / "agent.log"
        self._agents: list[subprocess.Popen[bytes]] = []
        self.tokens_dir.mkdir()
        self.agent_dir.mkdir(mode=0o700)
        (self.agent_dir / examined.KEPT).write_bytes(_preflight())
        for slug, token in self.site.pool_tokens.items():
            self.write_token(slug, token)
        self.add_environment(ENVIRONMENT)

    def write_token(self, slug: str, token: str) -> None:
        (self.tokens_dir / slug).write_text(f"{token}\n")
        (self.tokens_dir / slug).chmod(0o600)

    def add_environment(self, identifier: str) -> None:
        name, version = identifier.split("@")
        place = self.environments_dir / name / version
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
        (place / "READY").touch()

    def start_agent(self, **env: str) -> subprocess.Popen[bytes]:
        known = {
            "PATH": os.environ["PATH"],  # noqa: TID251  a child process of a test
            "PYTHONPATH": os.pathsep.join(
                path for path in sys.path if path
            ),  # as this very process finds things
            "PODIUM_SITE_URL": self.site.url,
            "PODIUM_AGENT_DIR": str(self.agent_dir),
            "PODIUM_ENVIRONMENTS_DIR": str(self.environments_dir),
            "PODIUM_POOLS": "cpu:1",
            "PODIUM_POOL_TOKENS_DIR": str(self.tokens_dir),
            "PODIUM_LOOK_EVERY_S": "0.3",
            "PODIUM_AGENT_HOST": "stage",
            "PODIUM_WARM": "off",
            "PODIUM_ALLOW_SOFT_LIMITS": "1",  # the tests may be run by an ordinary user
        }
        command = [sys.executable, "-m", "runners.agent"]
        with self.log_path.open("ab") as log:
            agent = subprocess.Popen(command, cwd=ROOT, env=known | env, stdout=log, stderr=log)
        self._agents.append(agent)
        return agent

    def kill_agent(self) -> None:
        self._agents[-1].kill()
        self._agents[-1].wait()

    def stop_agent(self, number: int = signal.SIGTERM) -> float:
        """Stop as an operator does; the seconds it took."""
        begun = time.monotonic()
        self._agents[-1].send_signal(number)
        assert self._agents[-1].wait(15) == 0
        return time.monotonic() - begun

    def finished(self, job: HeldJob, timeout: float = 20.0) -> HeldJob:
        try:
            until(lambda: job.finishes, f"{job.id} finished", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.agent_log()}") from error
        return job

    def agent_log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    def runs(self) -> list[str]:
        runs = self.agent_dir / "runs"
        return sorted(path.name for path in runs.iterdir()) if runs.exists() else []

    def run_path(self, job: HeldJob) -> Path:
        return self.agent_dir / "runs" / f"{job.id}-{job.attempt}"

    def nothing_left(self) -> None:
        """No run directory, no cgroup and no process of any job of this stage."""
        until(lambda: not self.runs(), "run directories removed")
        for job in self.site.jobs.values():
            for attempt in range(1, job.attempt + 1):
                left = cgroups.left_over(f"{job.id}-{attempt}")
                assert left is None, f"cgroup of {job.id} left"
            assert not processes_of(job), f"processes of {job.id} left"

    def close(self) -> None:
        for agent in self._agents:
            agent.kill()
            agent.wait()
        for run in self.runs():
            shims.reap(self.agent_dir / "runs" / run / "sandbox")
        self.site.go_away()


def processes_of(job: HeldJob) -> list[int]:
    """Processes of this job: its shim and nsjail, which name it in their words, or have it in front of them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "mountinfo").read_bytes()
            words += bytes((entry / "cwd").readlink())
        except OSError:
            continue
        if job.id.encode() in words:
            found.append(int(entry.name))
    return found


def kill_processes_of(job: HeldJob) -> None:
    """SIGKILL for the shim and for what runs under it."""
    for pid in processes_of(job):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not processes_of(job), "the shim is dead")


@contextmanager
def stage(directory: Path) -> Iterator[AgentStage]:
    staged = AgentStage(directory)
    try:
        yield staged
    finally:
        staged.close()
