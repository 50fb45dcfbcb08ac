"""A stage for sandbox tests: run a small program in a real sandbox and look at what is left of it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from runners.gpu.access import Access
from runners.sandboxes import cgroups, flags, shims
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.docker_flags import CONTAINER_LABEL
from runners.sandboxes.engine import Engine
from runners.sandboxes.plan import Outcome, SandboxPlan
from runners.spec import Limits
from runners.verdict import RunFacts, Verdict, decide

AS_ROOT = os.geteuid() == 0
PATIENCE = float(os.environ.get("PODIUM_TESTS_PATIENCE", "1"))  # noqa: TID251  how many times as long an emulated machine takes
SLOT = 1_000 + os.getpid() % 8_000  # nobody else's: whatever runs under its uid is ours
SUBMISSION = "submission.csv"
WRITE_OUTPUT = f"open('{SUBMISSION}', 'w').write('id,target\\n1,2\\n')\n"
WARM = "warm"  # nsjail's, that has waited
everywhere = pytest.mark.parametrize("sandbox", [*Sandbox, WARM], indirect=True)  # with gVisor as well
needs_cgroup = pytest.mark.skipif(not AS_ROOT, reason="only root is sure to have a writable cgroup")

_QUICK = Limits(
    wall_s=30, cpu_s=30, memory_mb=96, pids=24, disk_mb=16, inodes=500, log_kb=16, output_mb=4
).as_json()
_OURS = {
    "box",
    "cancel",
    "facts.json",
    "lock",
    "log",
    "nsjail.log",
    "outputs",
    "places",
    "ready.json",
    "release.json",
    "released",
    "samples",
    "sandbox.json",
    "shim.err",
    "shim.json",
    "usage.json",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    outcome: Outcome
    log: bytes
    rundir: Path
    took_s: float

    @property
    def facts(self) -> RunFacts:
        assert self.outcome.facts is not None, self.outcome.error
        return self.outcome.facts

    @property
    def verdict(self) -> Verdict | None:
        return decide(self.facts)

    @property
    def names(self) -> list[str]:
        return [file.name for file in self.outcome.files]


class SandboxStage:
    """Runs programs in `sandbox`: with nsjail in `environment`, else in the image `image` at `docker_host`."""

    def __init__(
        self,
        directory: Path,
        environment: Path,
        sandbox: Sandbox = Sandbox.NSJAIL,
        *,
        image: str = "",
        docker_host: str = "",
    ) -> None:
        self.directory = directory
        self.environment = environment
        self.sandbox = sandbox
        self.image = image
        self.docker_host = docker_host
        self.rundirs: list[Path] = []

    def launch(
        self,
        program: str,
        *,
        inputs: Iterable[tuple[Path, str]] = (),
        env: tuple[tuple[str, str], ...] = (),
        links: tuple[tuple[str, str], ...] = (),
        devices: tuple[str, ...] = (),
        access: Access | None = None,
        **limits: Any,
    ) -> Path:
        """Start `program`; its run directory."""
        rundir = self.directory / f"test-{uuid.uuid4().hex}"
        rundir.mkdir(mode=0o700)
        source = self.directory / f"{rundir.name}.py"
        source.write_text(textwrap.dedent(program))
        source.chmod(0o444)
        self.rundirs.append(rundir)
        plan = SandboxPlan(
            argv=("{python}", "/submission/main.py"),
            environment=str(self.environment),
            limits=Limits(**(_QUICK | limits)),
            required_output=SUBMISSION,
            inputs=((str(source), "/submission/main.py"), *((str(a), b) for a, b in inputs)),
            links=links,
            slot=SLOT,
            env=env,
            devices=devices,
            access=access,
            image=self.image,
        )
        self.start(rundir, plan)
        return rundir

    def start(self, rundir: Path, plan: SandboxPlan) -> None:
        shims.launch(rundir, plan, self.sandbox)

    def wait(self, rundir: Path, *, within_s: float = 20.0) -> Result:
        began = time.monotonic()
        until(lambda: not shims.alive(rundir), "the run to end", within_s=within_s)
        took = time.monotonic() - began
        outcome = shims.outcome(rundir)
        assert outcome is not None
        if outcome.facts is not None:
            assert cgroups.left_over(cgroup_of(rundir)) is None, "the shim itself removes its cgroup"
        shims.reap(rundir)
        log = (rundir / "log").read_bytes() if (rundir / "log").exists() else b""
        return Result(outcome, log, rundir, took)

    def run(self, program: str, **options: Any) -> Result:
        wall_s = float(options.get("wall_s", _QUICK["wall_s"]))
        return self.wait(self.launch(program, **options), within_s=wall_s + 20)

    def until_logged(self, rundir: Path, text: bytes) -> None:
        log = rundir / "log"
        until(lambda: log.exists() and text in log.read_bytes(), f"{text!r} in the log")

    def end_all(self) -> None:
        """End what a failed test has left running, so that the next one starts clean."""
        for rundir in self.rundirs:
            shims.reap(rundir)

    def assert_nothing_left(self) -> None:
        """What the fixture asserts about every run of this stage."""
        for rundir in self.rundirs:
            assert not shims.alive(rundir)
            assert cgroups.left_over(cgroup_of(rundir)) is None
            assert {path.name for path in rundir.iterdir()} <= _OURS
            assert list((rundir / "box").iterdir() if (rundir / "box").exists() else ()) == []
        names = [rundir.name for rundir in self.rundirs]
        if self.docker_host:
            there = Engine(self.docker_host).labelled(CONTAINER_LABEL)
            assert not [container for container in there if container.removeprefix("podium-") in names]
        # The kernel frees the last entries of /proc a moment after it has killed a namespace.
        until(lambda: not any(name in line for line in _command_lines() for name in names), "processes to go")
        if AS_ROOT:
            until(
                lambda: not _pids_of(flags.FIRST_UID + SLOT),
                "processes of the sandbox's uid to go",
                within_s=10,
            )


def cgroup_of(rundir: Path) -> str:
    """A warm sandbox's is older than its run directory's name."""
    name: str = shims.settings_of(rundir)["cgroup"]
    return name


def host_traces(directory: Path) -> tuple[list[str], list[str]]:
    """Mounts of this mount namespace that are a sandbox's, and nsjail's own directories outside of it.

    Other people's Docker mounts what it likes meanwhile: a sandbox's lie below `directory`, or hide /run.
    """
    lines = sorted(Path("/proc/self/mounts").read_text().splitlines())
    places = [line.split()[1] for line in lines]
    mounts = [place for place in places if place.startswith(str(directory)) or place in {"/run", "/proc"}]
    homes = (Path("/run/user"), Path("/tmp"), Path("/dev/shm"))
    left = [str(path) for place in homes if place.is_dir() for path in place.glob("nsjail*")]
    return mounts, sorted(left)


def make_environment(path: Path, python: str = sys.executable) -> Path:
    subprocess.run([python, "-m", "venv", "--without-pip", path], check=True)
    return path


def until(holds: Callable[[], object], what: str, *, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s * PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited {within_s * PATIENCE:g} s for {what}"
        time.sleep(0.005)


def _command_lines() -> list[str]:
    lines: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_text("utf-8", "replace"))
        except OSError:
            continue
    return lines


def _pids_of(uid: int) -> list[str]:
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if path.stat().st_uid == uid:
                found.append(path.name)
        except OSError:
            continue
    return found
