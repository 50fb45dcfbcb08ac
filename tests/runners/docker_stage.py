"""A Docker daemon that a test may stop, kill and start again, and a tiny image for it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from runners.sandboxes.engine import Engine, EngineError
from runners.sandboxes.plan import SandboxPlan
from runners.spec import Limits
from tests.runners.sandbox_stage import until

IMAGE = "podium-tests/tiny:1"
_PROGRAMS = ("sh", "sleep")


class OwnDaemon:
    """One dockerd of the test's own, without a bridge; everything of it lies in one short directory."""

    def __init__(self, *, live_restore: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pd-"))
        self.host = f"unix://{self.folder}/s"
        self.engine = Engine(self.host)
        self._live_restore = live_restore

    def start(self) -> None:
        command = ["dockerd", "--data-root", str(self.folder / "r"), "--exec-root", str(self.folder / "x")]
        command += ["--host", self.host, "--pidfile", str(self.folder / "pid"), "--bridge=none"]
        command += ["--iptables=false", "--ip6tables=false"]
        command += ["--live-restore"] if self._live_restore else []
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self.answers, "dockerd to answer", within_s=30)

    def end(self, number: int) -> None:
        """End the daemon, and with it the containerd that it started, which as its orphan would be deaf."""
        self.process.send_signal(number)
        self.process.wait(30)
        folder = self.folder / "x" / "containerd"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((folder / "containerd.pid").read_text()), signal.SIGKILL)
        for file in folder.glob("containerd*.*"):
            if file.suffix in {".pid", ".sock", ".ttrpc"}:
                file.unlink()

    def answers(self) -> bool:
        with contextlib.suppress(EngineError):
            return bool(self.engine.info())
        return False

    def load_image(self) -> None:
        """A shell, `sleep` and the libraries they need, from this host."""
        files = {Path("/bin", name) for name in _PROGRAMS}
        for program in list(files):
            said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
            files |= {Path(word) for word in said.split() if word.startswith("/")}
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for folder in ("etc", "output", "tmp", "dev"):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            for file in sorted(files):
                tar.add(file.resolve(), str(file).lstrip("/"))
        command = ["docker", "-H", self.host, "import", "-", IMAGE]
        subprocess.run(command, check=True, input=archive.getvalue(), capture_output=True)

    def remove(self) -> None:
        """End it and its containers; nothing of it stays mounted."""
        if self.process.poll() is None:
            self.end(signal.SIGTERM)
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if (place := line.split()[1]).startswith(str(self.folder)):
                subprocess.run(["umount", "--lazy", place], check=False)
        deadline = time.monotonic() + 10
        while self.folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def own_daemon(*, live_restore: bool = False) -> Iterator[OwnDaemon]:
    daemon = OwnDaemon(live_restore=live_restore)
    daemon.start()
    try:
        daemon.load_image()
        yield daemon
    finally:
        daemon.remove()


def sleeper(directory: Path) -> tuple[Path, SandboxPlan]:
    """A run directory, and a plan that only sleeps in the tiny image."""
    rundir = directory / f"test-{uuid.uuid4().hex}"
    rundir.mkdir(mode=0o700)
    limits = Limits(wall_s=60, cpu_s=60, memory_mb=64, pids=8, disk_mb=8, inodes=100)
    plan = SandboxPlan(
        argv=("sh", "-c", "echo up; sleep 60"),
        environment="/env",
        limits=limits,
        required_output="submission.csv",
        image=IMAGE,
        slot=8_999,
    )
    return rundir, plan
