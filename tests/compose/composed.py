"""compose.yaml as it stands, run by docker-compose on a daemon of its own (tests.docker, tests.compose.network).

Whichever comes first in PATH: Debian's 1.29 in CI, and by hand Compose v2 with its binary under this name,
`PATH=/folder/of/it:$PATH .venv/bin/python -m pytest tests/compose` (seen with 2.40.3).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.backing import Services
from tests.compose import images
from tests.compose.network import NAME, own_network
from tests.docker import BASE_IMAGE, ROOT, PrivateDaemon
from tests.stack import Ask, Stack, asking, eventually

PROJECT = "podium-tests"
EMAIL_URL = "smtp://podium:password-of-the-mail-server@mail.invalid:587"
SERVICES = ("database", "redis", "web", "judge", "beat", "publisher", "runner")


class Composed(Stack):
    """The stack of compose.yaml; its services are what a Stack calls processes."""

    def __init__(self, checkout: Path, host: str, address: str, settings: Mapping[str, str]) -> None:
        super().__init__(checkout, 8000, {}, dict(settings), Services())
        self.host, self.url = host, f"http://{address}:8000"

    def compose(self, *words: str, within_s: float = 240, check: bool = True) -> str:
        """What docker-compose says to this."""
        done = subprocess.run(
            ["docker-compose", "--host", self.host, "--project-name", PROJECT, *words],
            cwd=self.var, env=images.environment() | self.environment,
            capture_output=True, text=True, check=False, timeout=within_s,
        )  # fmt: skip
        assert done.returncode == 0 or not check, (
            f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}\n{self.logs()}"
        )
        return done.stdout + done.stderr

    def docker(self, *words: str) -> str:
        done = subprocess.run(
            ["docker", "--host", self.host, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def container(self, service: str) -> str:
        """The name of a service's container, running or not."""
        labels = ("project", PROJECT), ("service", service), ("oneoff", "False")
        filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels]
        return self.docker("ps", "--all", "--format={{.Names}}", *filters).strip()

    def inspected(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.docker("inspect", self.container(service)))[0]
        return found

    def address(self, service: str) -> str:
        """Its first address; that of the network `outside` where it is in several, as names are sorted."""
        networks = self.inspected(service)["NetworkSettings"]["Networks"]
        return str(networks[max(networks)]["IPAddress"])

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Kill a service's first process behind the daemon's back, so that it is started again as after a crash."""
        pid: int = self.inspected(name)["State"]["Pid"]
        os.kill(pid, number)
        return pid

    def healthy(self, service: str) -> bool:
        """What its own health check says now: Docker itself asks some of them once a minute only."""
        kind, *words = self.inspected(service)["Config"]["Healthcheck"]["Test"]
        asked = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        command = ["docker", "--host", self.host, "exec", self.container(service), *asked]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def query(self, program: str, *, within_s: float = 60) -> str:
        return self.docker(
            "exec", self.container("web"),
            "python3", "-c", f"import django; django.setup()\n{program}",
        )  # fmt: skip

    def logs(self) -> str:
        return self.compose("logs", "--no-color", "--tail=40", check=False) if self.container("web") else ""

    def log_of(self, name: str) -> str:
        return self.docker("logs", self.container(name))

    @contextlib.contextmanager
    def database(self) -> Iterator[Ask]:
        """By the server's own socket: the network that it is in has no way in."""
        inside = f"/proc/{self.inspected('database')['State']['Pid']}/root/run/postgresql"
        password = (self.var / "secrets" / "database_password").read_text()
        with psycopg.connect(
            host=inside, user="podium", dbname="podium", password=password, autocommit=True
        ) as connection:
            yield asking(connection)

    def up(self, *services: str) -> None:
        self.compose("up", "--detach", "--no-build", *services)

    def clear(self) -> None:
        """Leave nothing but images: `down --volumes` of somebody in a hurry."""
        if containers := self.docker("ps", "--all", "--quiet").split():
            self.docker("rm", "--force", "--volumes", *containers)
        for kind in ("volume", "network"):
            ours = f"--filter=label=com.docker.compose.project={PROJECT}"
            if found := self.docker(kind, "ls", "--quiet", ours).split():
                self.docker(kind, "rm", *found)

    def manage(self, backups: Path, *words: str) -> str:
        """A command beside the running site, which sees a folder of backups: as docs/operate.md says it."""
        return self.compose(
            "run", "--rm", "--no-deps", "-T", "-v", f"{backups}:/backups",
            "web", "python3", "manage.py", *words,
        )  # fmt: skip

    def seed(self) -> None:
        """The contests of tests.stack_seed."""
        tests = f"--volume={ROOT / 'tests'}:/podium/tests:ro"
        said = self.compose(
            "run", "--rm", "--no-deps", "-T", tests, "judge", "python3", "-m", "tests.stack_seed"
        )
        found = re.search(r"\{.*\}", said)
        assert found, said
        self.tokens = json.loads(found.group())

    def answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == httpx.codes.OK
        return False


@contextlib.contextmanager
def shared(folder: Path) -> Iterator[Path]:
    """A directory whose mounts the daemon sees, as systemd makes them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for words in (["--bind", folder, folder], ["--make-shared", folder]):
        subprocess.run(["mount", *map(str, words)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def composed(runner: Path) -> Iterator[Composed]:
    """compose.yaml, built, started and seeded; gone afterwards, volumes included."""
    daemon = PrivateDaemon(images.FOLDER / "docker", with_runsc=False, network=NAME)
    with own_network() as address, daemon.used() as host, shared(runner):
        images.prepare(host)
        stack = Composed(images.CHECKOUT, host, address, _settings(host, address, runner))
        subprocess.run(
            ["sh", "tools/compose_secrets.sh"], cwd=images.CHECKOUT, check=True, capture_output=True
        )
        (images.CHECKOUT / "secrets" / "email_url").write_text(EMAIL_URL)
        stack.clear()  # what a run that was killed has left
        try:
            stack.compose("build", "--quiet", within_s=1200)
            stack.up()
            stack.seed()
            eventually(stack.answers, within_s=60, what="the site answers")
            yield stack
        finally:
            stack.clear()


def _settings(host: str, address: str, runner: Path) -> dict[str, str]:
    """What an operator would write into .env."""
    return {
        "PODIUM_IMAGE": images.SITE,
        "PODIUM_PYTHON_IMAGE": BASE_IMAGE,
        "PODIUM_DATABASE_IMAGE": images.POSTGRES,
        "PODIUM_REDIS_IMAGE": images.REDIS,
        "PODIUM_SITE": f"http://{address}:8000",
        "PODIUM_PUBLISH": "0.0.0.0:8000",
        "PODIUM_RUNNER_DIR": str(runner),
        "PODIUM_DOCKER_SOCKET": host.removeprefix("unix://"),
        "PODIUM_EMAIL_FROM": "podium@example.org",
        "PODIUM_WARM": "off",
        "PODIUM_LEASE_S": "4",
        "PODIUM_HEARTBEAT_S": "1",
        "PODIUM_LOOK_EVERY_S": "2",
        "PODIUM_API_USER_PER_MINUTE": "0",
        "PODIUM_API_UPLOADS_PER_MINUTE": "0",
    }
