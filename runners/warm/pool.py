"""As many warm sandboxes as there is memory for, of the kinds that are wanted.

Theory of operation. One thread tends them: it starts at most one at a time and none while a job is being started, so
that what is done beforehand does not delay what is asked for now. `take` is called by the slots' threads and waits for
nothing. Each is given once and replaced by a new one. What runs lately is written down (`warm/lately.json`), so that
the first job after a restart finds one. All of them live below `warm/`; whatever lies there when the agent starts
is rubbish of one that died by force (rubbish.py).
"""

from __future__ import annotations

import contextlib
import functools
import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from runners import environments
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.plan import SandboxError, SandboxPlan
from runners.warm import idle as one
from runners.warm.choice import Choice
from runners.warm.idle import Idle, Kind
from runners.warm.opening import must_be_cold, program_of_notebook
from runners.warm.shapes import NOTEBOOK, SCORER, SCRIPT, SHAPES, Shape, shape_of

log = structlog.get_logger()

LATELY_S = 24 * 3600.0
LOOK_S, BUILDING_LOOK_S = 5.0, 0.05
RETRY_S = 300.0  # after one of a kind never got ready
_GUESS_MB = 256  # what one takes whose kind was never seen
_LEAST_MB = 32
_MOST_TEXT = 8 << 20  # of a program; a longer one starts cold, unread
_MIB = 1 << 20
PRELOAD = "preload.txt"  # in an environment: its own list, instead of the definition's


class Environments(Protocol):
    """What the sandboxes of this host can run now."""

    def ready(self, sandbox: Sandbox) -> list[str]:
        """Identifiers."""
        ...

    def locate(self, sandbox: Sandbox, identifier: str) -> tuple[Path, str]:
        """The folder, and the image for Docker. Raises LookupError or SandboxError when it is not there."""
        ...


class WarmPool(threading.Thread):
    """Safe for many threads. Nothing is left of it when the process ends, however it does."""

    def __init__(
        self,
        choice: Choice,
        agent_dir: Path,
        environments_ready: Environments,
        sandboxes: Sequence[str],
        threads: int,
    ) -> None:
        super().__init__(name="warm", daemon=True)
        self._choice, self._home, self._runs = choice, agent_dir / "warm", agent_dir / "runs"
        self._environments, self._threads = environments_ready, threads
        self._sandboxes = [name for name in dict.fromkeys(sandboxes) if name in one.SANDBOXES]
        self._lock = threading.Lock()  # guards all below
        self._wake = threading.Event()
        self._closed = False
        self._starting = 0
        self._idle: list[Idle] = []
        self._coming: Idle | None = None
        self._looked_at = 0.0
        self._memory: dict[Kind, int] = {}  # bytes, of the last one of the kind
        self._failed: dict[Kind, float] = {}
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._asked = self._read_lately()

    def take(self, plan: SandboxPlan, environment: str, sandbox: str) -> Idle | None:
        """A sandbox for this very job, which is then the caller's to give; None: start it cold."""
        form = shape_of(plan)
        if form is None or sandbox not in self._sandboxes or self._closed:
            return None
        if any(
            Path(host).is_dir() for host, _ in plan.inputs
        ):  # only files can be put into a bound directory
            return None
        kind = Kind(sandbox, environment, form.name)
        self._ask(kind)
        if form.is_strangers and self._must_be_cold(form, plan, environment):
            return None
        with self._lock:
            if self._coming is not None and self._coming.lives():  # and nobody has looked yet
                self._idle.append(self._coming)
                self._coming = None
            fitting = (item for item in self._idle if item.kind == kind and item.leaves_room(plan.limits))
            chosen = next(fitting, None)
            if chosen is not None:
                self._idle.remove(chosen)
        self._wake.set()
        return chosen

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """While a job is made ready nothing is begun that would compete with it."""
        with self._lock:
            self._starting += 1
        try:
            yield
        finally:
            with self._lock:
                self._starting -= 1
            self._wake.set()

    def _must_be_cold(self, form: Shape, plan: SandboxPlan, environment: str) -> bool:
        program = next((Path(host) for host, place in plan.inputs if place == form.program), None)
        if program is None:
            return True
        with program.open("rb") as file:
            text = file.read(_MOST_TEXT + 1)
        if form is NOTEBOOK and len(text) <= _MOST_TEXT:
            text = program_of_notebook(text)
        return len(text) > _MOST_TEXT or must_be_cold(text, preload_of(environment, Path(plan.environment)))

    def kinds(self) -> list[Kind]:
        """Of those that wait now."""
        with self._lock:
            return [item.kind for item in self._idle]

    def close(self) -> None:
        """Take all of them down; what does not end at once ends with the process."""
        with self._lock:
            self._closed = True
            left = [*self._idle, *([self._coming] if self._coming else [])]
            self._idle, self._coming = [], None
        self._wake.set()
        for item in left:
            self._drop(item)

    def run(self) -> None:
        while not self._closed:
            try:
                self._tend()
            except Exception:
                log.exception("warm pool broke")
            self._wake.wait(BUILDING_LOOK_S if self._coming is not None else LOOK_S)
            self._wake.clear()

    def _tend(self) -> None:
        if time.monotonic() - self._looked_at > LOOK_S:
            self._looked_at = time.monotonic()
            self._drop_useless()
        if self._coming is not None:
            self._look_at_coming(self._coming)
        if self._coming is None and not self._starting:
            kind = self._lacking()
            if kind is not None:
                self._begin(kind)

    def _drop_useless(self) -> None:
        wanted = {kind for kind, _ in self._wanted()}
        with self._lock:
            useless = [item for item in self._idle if item.kind not in wanted or not item.lives()]
            self._idle = [item for item in self._idle if item not in useless]
        for item in useless:
            log.info("warm sandbox dropped", environment=item.kind.environment, shape=item.kind.shape)
            self._drop(item)

    def _look_at_coming(self, coming: Idle) -> None:
        try:
            if not coming.ready():
                return
        except SandboxError as error:
            log.warning("no warm sandbox", environment=coming.kind.environment, error=str(error)[-500:])
            self._failed[coming.kind] = time.monotonic()
            with self._lock:
                ours, self._coming = self._coming is coming, None
            if ours:
                self._drop(coming)
            return
        with self._lock:
            self._memory[coming.kind] = coming.memory
            if self._coming is coming:  # neither taken meanwhile nor dropped by `close`
                self._coming = None
                self._idle.append(coming)
        kind, used = coming.kind, coming.memory // _MIB
        log.info("warm sandbox ready", environment=kind.environment, shape=kind.shape, memory_mb=used)

    def _begin(self, kind: Kind) -> None:
        room = self._choice.memory_mb * _MIB - sum(item.memory for item in self._idle)
        try:
            environment, image = self._environments.locate(Sandbox(kind.sandbox), kind.environment)
            coming = one.start(
                self._home,
                kind,
                environment,
                image=image,
                slot=one.free_slot(self._home, self._runs),
                memory_mb=room // _MIB,
                threads=self._threads,
                preload=preload_of(kind.environment, environment),
            )
        except (SandboxError, OSError, LookupError) as error:
            log.warning("no warm sandbox", environment=kind.environment, error=str(error))
            self._failed[kind] = time.monotonic()
            return
        with self._lock:
            if not self._closed:
                self._coming = coming
                return
        self._drop(coming)

    def _lacking(self) -> Kind | None:
        """The kind that is wanted most and can be had."""
        waiting = self.kinds()
        for rank, (kind, count) in enumerate(self._wanted()):
            if waiting.count(kind) >= count:
                continue
            if time.monotonic() - self._failed.get(kind, -RETRY_S) < RETRY_S:
                continue
            if self._make_room(kind, rank):
                return kind
        return None

    def _make_room(self, kind: Kind, rank: int) -> bool:
        """Whether there is memory for one more, if need be of kinds that are wanted less."""
        needed = self._memory.get(kind, min(_GUESS_MB, self._choice.memory_mb) * _MIB)
        less = {other for other, _ in self._wanted()[rank + 1 :]}
        with self._lock:
            free = self._choice.memory_mb * _MIB - sum(item.memory for item in self._idle)
            leaving: list[Idle] = []
            for item in self._idle:
                if free + sum(gone.memory for gone in leaving) < needed and item.kind in less:
                    leaving.append(item)
            if free + sum(gone.memory for gone in leaving) < max(needed, _LEAST_MB * _MIB):
                return False
            self._idle = [item for item in self._idle if item not in leaving]
        for item in leaving:
            self._drop(item)
        return True

    def _wanted(self) -> list[tuple[Kind, int]]:
        """Kinds and how many of each, the latest asked for first; of environments that are there."""
        ready = {name: self._environments.ready(Sandbox(name)) for name in self._sandboxes}
        with self._lock:
            asked = sorted(self._asked.items(), key=lambda item: -item[1])
        lately = [kind for kind, at in asked if time.time() - at < LATELY_S]
        kinds = dict.fromkeys([*lately, *(self._named(ready) if self._choice.sizes else ())])
        there = [kind for kind in kinds if kind.environment in ready[kind.sandbox]]
        sized = [(kind, self._choice.size(kind.environment)) for kind in there]
        return [(kind, size) for kind, size in sized if size]

    def _named(self, ready: dict[str, list[str]]) -> Iterator[Kind]:
        """What PODIUM_WARM names is kept from the start, before anything has asked for it."""
        current = {name: known.identifier for name, known in environments.definitions().items()}
        for name, _ in self._choice.sizes:
            shape = SCORER if name == "scoring" else SCRIPT
            for sandbox, identifiers in ready.items():
                for identifier in identifiers:
                    if identifier.partition("@")[0] == name and current.get(name, identifier) == identifier:
                        yield Kind(sandbox, identifier, shape.name)

    def _ask(self, kind: Kind) -> None:
        with self._lock:
            is_new = kind not in self._asked
            self._asked[kind] = time.time()
            known = [[kind.sandbox, kind.environment, kind.shape, at] for kind, at in self._asked.items()]
        if is_new:
            with contextlib.suppress(OSError):  # a full disk: the next agent asks anew
                (self._home / "lately.json").write_text(json.dumps(known), "utf-8")

    def _read_lately(self) -> dict[Kind, float]:
        names = {shape.name for shape in SHAPES}
        try:
            raw = json.loads((self._home / "lately.json").read_text("utf-8"))
            kinds = {Kind(sandbox, environment, shape): float(at) for sandbox, environment, shape, at in raw}
        except (OSError, ValueError, TypeError):
            return {}
        return {
            kind: at for kind, at in kinds.items() if kind.shape in names and kind.sandbox in self._sandboxes
        }

    def _drop(self, item: Idle) -> None:
        try:
            one.drop(item)
        except (SandboxError, OSError) as error:
            log.warning("warm sandbox not ended, the next start tries again", error=str(error))


@functools.cache
def preload_of(identifier: str, environment: Path) -> tuple[str, ...]:
    """What is imported beforehand in this environment."""
    own = environment / PRELOAD
    if own.exists():
        return tuple(own.read_text("utf-8").split())
    known = environments.definitions().get(identifier.partition("@")[0])
    return known.preload if known is not None else ()
