"""A private site for a corpus, in a temporary folder: real processes, its own database, and nothing of the operator's.

Theory of operation. Every setting that the operator made for the real site is left out, so nothing here can touch its
database, its broker or its secrets. What is the host's is kept: the built environments and images, and the sandbox.
Temporary files of all processes go below the folder, so that what they leave is seen; the folder is removed at the end.
Tokens are planted in the environment of the site's processes and of the agent, and in a file that everybody may read.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from operations import processes, running
from operations.commands import run
from operations.corpus import host_file, seed, task
from operations.corpus.canaries import HOST, SITE, WORKER, Canaries
from operations.corpus.case import SMALL, Case
from operations.corpus.seed import Place, Plan
from operations.layout import Layout, keep_secret
from operations.processes import Machine
from operations.running import NotPossible, Say
from operations.supervisor import Supervisor
from runners.environments import definitions, ready
from runners.environments.image_engine import ImageEngine
from runners.sandboxes.choice import Sandbox, docker_host
from runners.sandboxes.plan import SandboxError
from runners.spec import Limits

SLOTS = 2  # cases at the same time
AGENT_MAY_FAIL = 3  # starts of it that end at once, before anything is judged
USED = ("scoring", "python")
KEPT = (
    "PODIUM_DOCKER_HOST",
    "PODIUM_ALLOW_SOFT_LIMITS",
    "PODIUM_WARM",
    "PODIUM_WARM_MB",
    "PODIUM_GPUS",
)  # the host's own


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PrivateMachine(Machine):
    """A machine whose processes are told nothing that the operator set for another one."""

    sandbox: str = "nsjail"
    canaries: Canaries = dataclasses.field(default_factory=Canaries.plant)

    @property
    def redis_url(self) -> str:
        return f"unix://{self.layout.socket()}"

    @property
    def embeds_broker(self) -> bool:
        return True

    def environment(self) -> dict[str, str]:
        inherited = Machine.environment(self)
        told = {n: v for n, v in inherited.items() if not n.startswith("PODIUM_") or n in _OUR_OWN}
        unlimited = dict.fromkeys(_THROTTLES, "0")
        return told | unlimited | {"TMPDIR": str(self.temporary), "CORPUS_CANARY": self.canaries.tokens[SITE]}

    def agent_environment(self) -> dict[str, str]:
        inherited = dict(os.environ)  # noqa: TID251 - what the host's own agent is told about its sandboxes
        kept = {name: inherited[name] for name in KEPT if name in inherited}
        mine = {"PODIUM_SANDBOX": self.sandbox, "CORPUS_CANARY": self.canaries.tokens[WORKER]}
        return Machine.agent_environment(self) | kept | mine

    @property
    def temporary(self) -> Path:
        return self.layout.var / "tmp"


# The corpus hands in and looks as often as it likes.
_THROTTLES = (
    "PODIUM_API_USER_PER_MINUTE",
    "PODIUM_API_UPLOADS_PER_MINUTE",
    "PODIUM_API_ANONYMOUS_PER_MINUTE",
    "PODIUM_API_BOARD_PER_MINUTE",
)
# What Machine.environment sets itself.
_OUR_OWN = {
    "PODIUM_VAR",
    "PODIUM_REDIS_URL",
    "PODIUM_PLAIN_HTTP",
    "PODIUM_BEHIND_PROXY",
    "PODIUM_ALLOWED_HOSTS",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running private site. `slugs`: the contest of each set of limits."""

    machine: PrivateMachine
    canaries: Canaries
    tokens: Mapping[str, str]
    password: str
    slugs: Mapping[tuple[Limits, bool], str]
    supervisor: Supervisor

    @property
    def url(self) -> str:
        return self.machine.url

    @property
    def var(self) -> Path:
        return self.machine.layout.var

    def slug_of(self, case: Case) -> str:
        return self.slugs[case.limits, case.hidden]

    def restarts(self) -> dict[str, int]:
        """How often each process ended and was started again."""
        return {name: child.restarts for name, child in self.supervisor.children.items()}

    def agent_fails(self) -> bool:
        """It ended again and again: there is nothing to wait for."""
        return self.restarts().get("agent", 0) >= AGENT_MAY_FAIL

    def agents_words(self) -> str:
        """Why it does not start, or else the last lines of its log."""
        log = self.machine.layout.logs / "agent.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        refusals = [line for line in lines if '"event": "agent not started"' in line]
        with contextlib.suppress(IndexError, ValueError, KeyError):
            return str(json.loads(refusals[-1])["reason"])
        return " | ".join(lines[-3:]) or "nothing"

    def pids(self) -> dict[str, int]:
        pids = {name: child.pid for name, child in self.supervisor.children.items()}
        return {name: pid for name, pid in pids.items() if pid is not None}


@contextlib.asynccontextmanager
async def private_site(
    cases: Sequence[Case], environments: Path, sandbox: str, say: Say
) -> AsyncIterator[Site]:
    """A site that can judge these cases; nothing of it is left when the block is. Raises what running raises."""
    _check_host(environments, sandbox)
    features = task.draw_features()
    canaries = Canaries.plant(task.watched(features))
    machine = _machine(environments, sandbox, canaries)
    try:
        with host_file.planted(canaries.tokens[HOST]):
            async with _running(machine, cases, features, say) as site:
                yield site
    finally:
        for folder in {machine.layout.var, machine.layout.socket().parent}:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _machine(environments: Path, sandbox: str, canaries: Canaries) -> PrivateMachine:
    folder = Path(tempfile.mkdtemp(prefix="podium-corpus-")).resolve()
    folder.chmod(0o711)  # sandboxes' users come through to what is theirs, and list nothing
    machine = PrivateMachine(
        layout=Layout(var=folder, environments=environments),
        port=_free_port(),
        plain_http=True,
        pools=f"cpu:{SLOTS},scoring:1",
        sandbox=sandbox,
        canaries=canaries,
    )
    machine.temporary.mkdir()
    return machine


def _check_host(environments: Path, sandbox: str) -> None:
    """Raise NotPossible where no daemon answers or what all cases need is not built; of images only the agent knows."""
    if sandbox != Sandbox.NSJAIL:
        try:
            ImageEngine(docker_host()).info()
        except SandboxError as error:
            raise NotPossible(str(error)) from error
        return
    built = ready(environments) if environments.is_dir() else []
    missing = [name for name in USED if definitions()[name].identifier not in built]
    if missing:
        raise NotPossible(
            f"the environments {' and '.join(missing)} are not built in {environments}: run "
            f".venv/bin/python -m runners.environments build {' '.join(missing)} --root {environments}"
        )


@contextlib.asynccontextmanager
async def _running(
    machine: PrivateMachine, cases: Sequence[Case], features: tuple[str, ...], say: Say
) -> AsyncIterator[Site]:
    wanted = {(SMALL, False): None} | {(case.limits, case.hidden): None for case in cases}
    slugs = {key: f"corpus-{number}" for number, key in enumerate(wanted, start=1)}
    places = tuple(Place(slug=slug, limits=limits, hidden=hidden) for (limits, hidden), slug in slugs.items())
    plan = Plan(
        places=places, canaries=machine.canaries, features=features, password=secrets.token_urlsafe(16)
    )
    async with running.supervised(machine, say) as supervisor:
        say(f"preparing a private site in {machine.layout.var}")
        tokens = await _seeded(machine, plan)
        say("starting its processes")
        await running.start_site(supervisor, machine)
        await supervisor.start_and_wait(processes.agent(machine))
        yield Site(
            machine=machine,
            canaries=machine.canaries,
            tokens=tokens,
            password=plan.password,
            slugs=slugs,
            supervisor=supervisor,
        )


async def _seeded(machine: PrivateMachine, plan: Plan) -> dict[str, str]:
    file = machine.layout.secrets / "corpus.json"
    keep_secret(file, plan.as_json())
    said: list[str] = []
    command = (sys.executable, "manage.py", "seed_corpus", str(file))
    log = machine.layout.secrets / "seed.log"  # it prints tokens
    try:
        await run(command, machine.environment(), log=log, on_line=said.append)
    finally:
        file.unlink(missing_ok=True)
    tokens: dict[str, str] = json.loads(said[-1])
    assert set(tokens) == {seed.CONTESTANT, seed.ANOTHER}  # noqa: S101 - our own command's answer
    return tokens


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
