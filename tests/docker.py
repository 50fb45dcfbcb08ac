"""A Docker daemon of the tests' own, so that nothing of this machine's is touched.

    def test_…(docker_host: str) -> None:      # "unix:///…", with the base image and `python` and `scoring`

Theory of operation. PODIUM_DOCKER_HOST, if set, is used as it is. Else a daemon is started below var/docker, without
any bridge, so that it changes no network and no firewall of the host. Its images stay in var/docker between test
runs. Everybody who uses it holds a shared lock; whoever cannot be the last to leave leaves it running, the last one
stops it. `python -m tests.docker` makes all images beforehand, for that may take longer than one test may.

Docker needs root. Without it these tests are skipped, by name and with the reason; `-p tests.must_run` (in .ci/run)
makes a skip a failure.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.environments.display import Display
from runners.environments.failures import BuildError
from runners.environments.image_building import Wishes, build_image
from runners.environments.image_engine import ImageEngine
from runners.sandboxes.engine import EngineError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "docker"
BASE_IMAGE = "podium/base:debian"
IMAGES = ("scoring", "python")
_START_WITHIN_S, _STOP_WITHIN_S = 30.0, 30.0
_NEEDED = ("dockerd", "containerd", "runc", "runsc", "docker", "debootstrap")
# What gVisor needs on hosts of every kind: our shim moves it into our cgroup, and it has no network to configure.
RUNSC_ARGUMENTS = ("--network=none", "--ignore-cgroups")


def why_not() -> str:
    """Why Docker cannot run here; empty if it can."""
    if os.geteuid() != 0:
        return "Docker's tests need root"
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    return f"Docker's tests need {', '.join(missing)}" if missing else ""


def answers(host: str) -> bool:
    with contextlib.suppress(EngineError):
        return bool(ImageEngine(host).info())
    return False


class PrivateDaemon:
    """The daemon below var/docker. Its sockets lie in a short directory: their names may have 107 bytes."""

    def __init__(self, folder: Path = FOLDER, *, with_runsc: bool = True, network: str = "") -> None:
        """`network` names a network namespace: there the daemon has bridges and a firewall of its own."""
        self.folder, self._with_runsc, self._network = folder, with_runsc, network
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:10]
        self.run = Path(tempfile.gettempdir()) / f"podium-docker-{name}"
        self.host = f"unix://{self.run}/docker.sock"
        self._pid = 0  # of the dockerd that this object started

    @contextlib.contextmanager
    def used(self) -> Iterator[str]:
        """The daemon's address, running while anybody uses it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "users").open("w") as users, self._alone():
            fcntl.flock(users, fcntl.LOCK_SH)
            if not answers(self.host):
                self._start()
            fcntl.flock(self._door, fcntl.LOCK_UN)
            try:
                yield self.host
            finally:
                fcntl.flock(self._door, fcntl.LOCK_EX)
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._stop()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else starts or stops the daemon meanwhile."""
        with (self.folder / "door").open("w") as self._door:
            fcntl.flock(self._door, fcntl.LOCK_EX)
            yield

    def _start(self) -> None:
        self._clear()
        self.run.mkdir(mode=0o700)
        command = ["nsenter", f"--net=/run/netns/{self._network}"] if self._network else []
        command += [
            "dockerd",
            "--data-root",
            str(self.folder / "root"),
            "--exec-root",
            str(self.run / "exec"),
        ]
        command += ["--host", self.host, "--pidfile", str(self.run / "pid")]
        command += ["--config-file", str(self._configuration())]
        if not self._network:
            command += ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        log = os.open(self.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._pid = os.posix_spawnp(  # it may outlive this session, which Popen would complain about
            command[0],
            command,
            os.environ,  # noqa: TID251  a child process
            file_actions=[(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)],
            setsid=True,
        )
        os.close(log)
        deadline = time.monotonic() + _START_WITHIN_S
        while not answers(self.host):
            if not self._lives(self._pid) or time.monotonic() > deadline:
                said = (self.folder / "log").read_text(errors="replace").splitlines()[-5:]
                raise RuntimeError("dockerd did not start:\n" + "\n".join(said))
            time.sleep(0.1)

    def _configuration(self) -> Path:
        runsc = {"path": shutil.which("runsc"), "runtimeArgs": list(RUNSC_ARGUMENTS)}
        path = self.run / "daemon.json"
        path.write_text(json.dumps({"runtimes": {"runsc": runsc}} if self._with_runsc else {}))
        return path

    def _stop(self) -> None:
        """End the daemon, its containerd and all containers; nothing of it stays mounted."""
        try:
            pid = int((self.run / "pid").read_text())
        except FileNotFoundError:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_WITHIN_S
        while time.monotonic() < deadline and self._lives(pid):
            time.sleep(0.05)
        self._clear()

    def _clear(self) -> None:
        """Remove what a daemon leaves, killed ones as well: a directory with a mount in it cannot be."""
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith((str(self.run), str(self.folder / "root"))):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(self.run, ignore_errors=True)

    def _lives(self, pid: int) -> bool:
        if self._pid == pid:
            return os.waitpid(pid, os.WNOHANG) == (0, 0)
        return Path(f"/proc/{pid}").exists()


def prepare(host: str, names: tuple[str, ...] = IMAGES) -> None:
    """Have the base image and the environments' images at the daemon: seconds from what is built already."""
    if ImageEngine(host).image(BASE_IMAGE) is None:
        print("base image: from this machine's Debian mirror", flush=True)  # noqa: T201
        environment = dict(os.environ, PODIUM_DOCKER_HOST=host)  # noqa: TID251  a child process
        subprocess.run([str(ROOT / "tools" / "base_image.sh"), BASE_IMAGE], check=True, env=environment)
    for name in names:
        wishes = Wishes(host=host, base=BASE_IMAGE)
        build_image(name, ROOT / "var" / "environments", Display(sys.stdout).show, wishes)


@contextlib.contextmanager
def daemon() -> Iterator[str]:
    """The address of a daemon for tests."""
    named = os.environ.get("PODIUM_DOCKER_HOST", "")  # noqa: TID251  the daemon the operator chose
    if named:
        yield named
    else:
        with PrivateDaemon().used() as host:
            yield host


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """The address of a Docker daemon that has the base image and the images of `python` and `scoring`."""
    if reason := why_not():
        pytest.skip(reason)
    with daemon() as host:
        prepare(host)
        yield host


def main() -> None:
    """Make all images beforehand. Whatever keeps them from being made is a line: the other tests can be run."""
    if why := why_not():
        print(f"no images: {why}")  # noqa: T201
        return
    try:
        with daemon() as address:
            prepare(address)
    except (BuildError, EngineError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"no images, so Docker's tests will fail: {error}")  # noqa: T201


if __name__ == "__main__":
    main()
