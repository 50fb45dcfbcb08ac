"""The real stack for tests: the same supervisor and processes as `make demo`, on a var/ of its own.

    with running_stack(tmp_path) as stack:
        submission = stack.submit(script("open('submission.csv','w').write(...)"))
        assert stack.wait_verdict(submission)["verdict"] == "SCORED"
        stack.kill("agent")          # SIGKILL; the supervisor starts it again
        stack.wait_restarted("agent")

What is seeded is said in tests.stack_seed. Environments are those of the checkout (var/environments), never built here.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import pytest

from operations.instance import started_at
from runners.environments import definitions, ready
from tests.asking import Asker
from tests.backing import Services, services
from tests.both_ways import asked_for
from tests.seeded import ENVIRONMENTS, ROOT, environment_of, fill

__all__ = ["ENVIRONMENTS", "PERFECT", "ROOT", "Stack", "eventually", "running_stack"]

TERMINAL = {"FINISHED", "FAILED", "CANCELLED"}
PERFECT = b"""
import csv
rows = list(csv.DictReader(open("/input/test.csv")))
with open("submission.csv", "w") as file:
    file.write("id,target\\n" + "".join(f"{row['id']},{int(float(row['x']) > 0.5)}\\n" for row in rows))
print("written")
"""
Found = TypeVar("Found")
Ask = Callable[..., list[tuple[Any, ...]]]


def eventually(look: Callable[[], Found], *, within_s: float = 30.0, what: str = "") -> Found:
    """Look until the answer is true and return it; fail with `what` and the last answer after `within_s`."""
    began = time.monotonic()
    while True:
        found = look()
        if found:
            return found
        waited = time.monotonic() - began
        if waited > within_s:
            pytest.fail(f"did not happen within {within_s} s: {what or look} (last: {found!r})")
        time.sleep(0.05 if waited < 2 else 0.15)  # each look takes of the processors that it waits for


class Stack:
    """A running site with judge, publisher and agent. `url` has no slash at its end."""

    def __init__(
        self, var: Path, port: int, tokens: Mapping[str, str], environment: dict[str, str], beside: Services
    ) -> None:
        self.var, self.port, self.tokens, self.beside = var, port, tokens, beside
        self.url = f"http://127.0.0.1:{port}"
        self.environment = environment
        self.supervisor: subprocess.Popen[bytes] | None = None
        self._asker: Asker | None = None

    def start(self) -> None:
        """Start the supervisor and wait until all serves."""
        said = self.var / "supervisor.log"
        with said.open("wb") as file:
            self.supervisor = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        supervisor = self.supervisor

        def serves() -> bool:
            if supervisor.poll() is not None:
                pytest.fail(f"the stack did not start: {said.read_text()}\n{self.logs()}")
            return "is ready" in said.read_text()

        eventually(serves, within_s=240, what="the stack serves")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Signal the supervisor and wait until it and all its processes are gone; the seconds that took."""
        assert self.supervisor is not None
        listed = self._supervised()
        began = time.monotonic()
        self.supervisor.send_signal(number)
        self.supervisor.wait(timeout=15)
        eventually(
            lambda: not [name for name, (pid, start) in listed.items() if started_at(pid) == start],
            within_s=15,
            what="every process is gone",
        )
        self.supervisor = None
        return time.monotonic() - began

    def processes(self) -> dict[str, tuple[int, int]]:
        """(pid, start time) by name: web, judge, beat, publisher, agent, broker."""
        found = self._supervised()
        if self.beside.broker is not None:
            found["broker"] = (self.beside.broker.pid, started_at(self.beside.broker.pid) or 0)
        return found

    def _supervised(self) -> dict[str, tuple[int, int]]:
        listed = json.loads((self.var / "run" / "processes.json").read_text())["processes"]
        return {name: (entry["pid"], entry["started"]) for name, entry in listed.items()}

    @contextlib.contextmanager
    def database(self) -> Iterator[Ask]:
        """Asks the stack's database directly: starting Django for each question takes most of a second."""
        if url := self.environment.get("PODIUM_DATABASE_URL"):
            with psycopg.connect(url, autocommit=True) as connection:
                yield asking(connection)
        else:
            opened = sqlite3.connect(f"file:{self.var}/podium.sqlite3?mode=ro", uri=True)
            with contextlib.closing(opened) as database:
                yield lambda question, *values: database.execute(question, values).fetchall()

    def pid(self, name: str) -> int:
        return self.processes()[name][0]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal one process; returns its pid."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def wait_restarted(self, name: str, old_pid: int, *, within_s: float = 20.0) -> int:
        """Wait until `name` runs again (web: answers again) as another process; its new pid."""

        def again() -> int:
            pid, start = self.processes().get(name, (0, 0))
            if pid in {0, old_pid} or started_at(pid) != start:
                return 0
            return pid if name != "web" or self.answers() else 0

        return eventually(again, within_s=within_s, what=f"{name} runs again")

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2, verify=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def shims(self) -> list[dict[str, Any]]:
        """shim.json of every run directory on the host."""
        return self._shims(lambda _: True)

    def _shims(self, of: Callable[[Path], bool]) -> list[dict[str, Any]]:
        found = []
        for sandbox in (self.var / "agent" / "runs").glob("*/sandbox"):
            with contextlib.suppress(OSError, ValueError):
                if of(sandbox):
                    found.append(json.loads((sandbox / "shim.json").read_text()))
        return found

    def speaking(self) -> list[dict[str, Any]]:
        """shim.json of the runs whose program has printed something.

        Before that a run may yet move from a warm sandbox that ends into a cold one, in the same attempt.
        """
        return self._shims(lambda sandbox: (sandbox / "log").stat().st_size > 0)

    def client(self, user: str = "alice") -> httpx.Client:
        """An API client with the user's token."""
        headers = {"Authorization": f"Token {self.tokens[user]}"}
        # Plain HTTP; loading the certificate authorities would take 20 ms of CPU at each look.
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, verify=False)

    def post(
        self,
        content: bytes,
        *,
        user: str = "alice",
        contest: str = "tiny",
        filename: str = "main.py",
        key: str | None = None,
        **fields: str,
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        with self.client(user) as client:
            return client.post(
                f"/api/v1/contests/{contest}/submissions/",
                files={"file": (filename, content)},
                data=fields,
                headers=headers,
            )

    def submit(self, content: bytes = PERFECT, **options: Any) -> str:
        """Hand in a file (see `post`); the submission's id."""
        answer = self.post(content, **options)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return str(answer.json()["id"])

    def submission(self, identifier: str, user: str = "alice") -> dict[str, Any]:
        with self.client(user) as client:
            answer = client.get(f"/api/v1/submissions/{identifier}/")
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found

    def wait_status(
        self, identifier: str, *statuses: str, user: str = "alice", within_s: float = 60.0
    ) -> dict[str, Any]:
        """Wait until the submission is in one of the statuses; its JSON then."""

        def look() -> dict[str, Any]:
            try:
                found = self.submission(identifier, user)
            except httpx.TransportError:  # the web process may be down on purpose
                return {}
            return found if found["status"] in statuses else {}

        return eventually(look, within_s=within_s, what=f"{identifier} is {' or '.join(statuses)}")

    def wait_verdict(self, identifier: str, *, user: str = "alice", within_s: float = 60.0) -> dict[str, Any]:
        """Wait until the submission is over; its JSON then."""
        return self.wait_status(identifier, *TERMINAL, user=user, within_s=within_s)

    def board(self, contest: str = "tiny") -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/contests/{contest}/leaderboard/", timeout=10, verify=False)
        answer.raise_for_status()
        entries: list[dict[str, Any]] = answer.json()["entries"]
        return entries

    def log_of(self, name: str) -> str:
        path = self.var / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def logs(self) -> str:
        """The ends of all logs, for the message of a failing test."""
        return "\n".join(
            f"== {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted((self.var / "logs").glob("*.log"))
        )

    def query(self, program: str, *, within_s: float = 60) -> str:
        """Run Python with Django set up on this stack's database; what it prints."""
        if self._asker is None or not self._asker.close.alive or self._asker.environment != self.environment:
            self._asker = Asker(self.environment)
        return self._asker.run(program, within_s=within_s)

    def ask_no_more(self) -> None:
        if self._asker is not None:
            self._asker.close()


def asking(connection: psycopg.Connection[Any]) -> Ask:
    def ask(question: str, *values: str) -> list[tuple[Any, ...]]:
        return connection.execute(question.replace("?", "%s").encode(), values).fetchall()

    return ask


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def missing_environments(*names: str) -> list[str]:
    """Which of these environments the checkout has not built."""
    built = ready(ENVIRONMENTS)
    return [name for name in names if definitions()[name].identifier not in built]


@contextlib.contextmanager
def running_stack(folder: Path, *, pools: str = "cpu:1,scoring:1", **settings: str) -> Iterator[Stack]:
    """A started, seeded stack whose state is below `folder`. `settings` are further PODIUM_… variables.

    Leases are short (4 s, heartbeats each second), so that what was killed is taken up again soon.
    """
    missing = missing_environments("scoring", "python")
    if missing:
        pytest.fail(
            f"build the environments first: make test does, or run .venv/bin/python -m "
            f"runners.environments build {' '.join(missing)}"
        )
    asked_for("a site")
    var = folder / "var"
    var.mkdir(parents=True, exist_ok=True)
    with services(folder, free_port()) as beside:
        environment = environment_of(var, pools) | {**beside.environment, **settings}
        stack = Stack(var, free_port(), fill(environment, settings, beside.database), environment, beside)
        try:
            stack.start()
            yield stack
        finally:
            if stack.supervisor is not None:
                stack.stop()
            stack.ask_no_more()


@pytest.fixture(scope="session")
def stack(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for the whole session; tests that kill parts of it wait until those are back."""
    with running_stack(tmp_path_factory.mktemp("stack")) as started:
        yield started
