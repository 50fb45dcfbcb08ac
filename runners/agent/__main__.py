"""`python -m runners.agent`: one agent for this host. Settings come from the environment (settings.py).

Theory of operation. The process may die at any instant; what it must remember is in the run directories
(rundir.py). So stopping is simple: claim nothing more, wake every thread, wait a moment, exit. By default the
sandboxes live on under their shims and the next agent adopts them; with PODIUM_AGENT_STOP=drain their ends are
waited for, unless it is told to stop once more; with kill they are ended and their jobs given back. An exclusive
lock on the agent directory keeps two agents from sharing it; shims do not inherit it. The main thread waits on a
pipe: a signal handler may write to one, but may not take a lock that the thread it interrupts holds.
"""

from __future__ import annotations

import fcntl
import io
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TextIO

import structlog

from runners import saying
from runners.agent import box, examined, settings
from runners.agent.adopt import adopt
from runners.agent.attempt import Tools
from runners.agent.bell import Bell, StreamListener
from runners.agent.cache import InputCache
from runners.agent.examined import Found
from runners.agent.readiness import Readiness
from runners.agent.report import Reporter
from runners.agent.rundir import RunDir
from runners.agent.settings import Settings, SettingsError, StopMode
from runners.agent.site import Site
from runners.agent.slot import Pool, Slot
from runners.gpu.choice import open_driver
from runners.gpu.keeper import Keeper
from runners.gpu.leases import Leases
from runners.warm.pool import WarmPool
from runners.warm.rubbish import remove_rubbish

log = structlog.get_logger()

STOP_WITHIN_S = 3.5
DRAIN_LOOK_S = 0.2
DOES_NOT_HOLD = 3  # the exit status where preflight says so


class Agent:
    """All threads of one agent."""

    def __init__(self, chosen: Settings, preflight: Found) -> None:
        self._closing, self._halting = threading.Event(), threading.Event()
        self._halt_read, self._halt_write = os.pipe()
        self._failing = threading.Lock()
        self._failure = ""
        self._tools = Tools(
            settings=chosen,
            site=Site(chosen.site_url),
            cache=InputCache(chosen.agent_dir / "cache", chosen.cache_bytes),
            closing=self._closing,
            halting=self._halting,
            preflight=preflight,
            gpus=Keeper(
                open_driver(chosen.gpus),
                Leases(chosen.agent_dir / "gpus", chosen.runs_dir),
                clean_mb=chosen.gpu_clean_mb,
                log=log,
            ),
            readiness=(readiness := Readiness(chosen)),
            threads=(threads := box.threads_per_slot(max(pool.slots for pool in chosen.pools))),
            warm=_warm(chosen, readiness, threads),
        )
        self._pools = [Pool(pool.slug, Bell(), str(pool.sandbox)) for pool in chosen.pools]
        self._slots = self._make_slots(adopt(chosen.runs_dir))

    def _make_slots(self, found: list[RunDir]) -> list[Slot]:
        """Slots of today's pools, each first carrying on what ran under its number (and so under its uid).

        What ran in a slot that is no more, or would be a second one in its slot, gets a thread of its own.
        """
        sizes = zip(self._pools, self._tools.settings.pools, strict=True)
        by_slot = [pool for pool, size in sizes for _ in range(size.slots)]
        adopted: dict[int, RunDir] = {}
        extra = []
        for item in found:
            if item.slot < len(by_slot) and item.slot not in adopted:
                adopted[item.slot] = item
            else:
                extra.append(Slot(self._tools, item.slot, None, [item], self.fail))
        regular = [
            Slot(self._tools, index, pool, [adopted[index]] if index in adopted else [], self.fail)
            for index, pool in enumerate(by_slot)
        ]
        return regular + extra

    def _hear(self, slug: str) -> Iterator[str]:
        return self._tools.site.listen(self._tools.settings.pool_token(slug))

    def halt(self) -> None:
        """Ask the agent to stop, or not to wait any longer; safe in a signal handler."""
        os.write(self._halt_write, b"!")

    def fail(self, message: str) -> None:
        """Stop for a reason that no retry mends, when what runs has ended."""
        with self._failing:
            if self._failure:  # the other slots hear the same
                return
            self._failure = message
        log.critical("agent fails", reason=message)
        self.halt()

    def run(self) -> int:
        """Work until halted; the exit status."""
        chosen = self._tools.settings
        Reporter(self._tools, self._pools).start()
        self._listen(chosen.broker_url)
        for slot in self._slots:
            slot.start()
        if self._tools.warm is not None:
            self._tools.warm.start()
        pools = ",".join(f"{pool.slug}:{pool.slots}" for pool in chosen.pools)
        log.info("agent ready", site=chosen.site_url, host=chosen.host, pools=pools, pid=os.getpid())
        os.read(self._halt_read, 1)
        self._closing.set()
        log.info("agent stopping", mode=str(chosen.stop))
        # An agent that does not fit its site any more still brings home what runs.
        if chosen.stop is StopMode.DRAIN or (self._failure and chosen.stop is not StopMode.KILL):
            self._drain()
        self._halting.set()
        deadline = time.monotonic() + STOP_WITHIN_S
        for slot in self._slots:
            slot.interrupt()
        if self._tools.warm is not None:
            self._tools.warm.close()
        for slot in self._slots:
            slot.join(max(0.0, deadline - time.monotonic()))
        if self._failure:
            log.critical("agent stopped", reason=self._failure)
            return 1
        log.info("agent stopped")
        return 0

    def _listen(self, broker_url: str) -> None:
        bells = {pool.slug: pool.bell for pool in self._pools}
        try:
            if broker_url:
                # Only a host of the site's own has kombu, and an agent elsewhere none of its memory.
                from runners.agent.broker_bell import Listener  # noqa: PLC0415

                Listener(broker_url, bells).start()
                return
        except ModuleNotFoundError:
            log.warning("no kombu here, so bells come by the site's stream", install="podium-runner[broker]")
        for slug, bell in bells.items():
            StreamListener(slug, bell, partial(self._hear, slug)).start()

    def _drain(self) -> None:
        """Wait until every slot has ended its job, or for another signal."""
        for slot in self._slots:
            slot.close()
        running = sum(slot.attempt is not None for slot in self._slots)
        log.info(
            "waiting for running jobs", jobs=running, hint="stop once more to leave them to the next start"
        )
        while any(slot.is_alive() for slot in self._slots):
            if select.select([self._halt_read], [], [], DRAIN_LOOK_S)[0]:
                os.read(self._halt_read, 1)
                return


def _warm(chosen: Settings, readiness: Readiness, threads: int) -> WarmPool | None:
    remove_rubbish(chosen.agent_dir)
    if chosen.warm.off:
        return None
    sandboxes = [str(pool.sandbox) for pool in chosen.pools]
    return WarmPool(chosen.warm, chosen.agent_dir, readiness, sandboxes, threads)


def hold_alone(directory: Path) -> int | None:
    """Lock the agent directory for this process; None when another agent has it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def main() -> int:
    start_log()
    try:
        chosen = settings.from_environment()
    except SettingsError as error:
        log.critical("agent not started", reason=str(error))
        return 1
    lock = hold_alone(chosen.agent_dir)
    if lock is None:
        log.critical("agent not started", reason=occupied(chosen.agent_dir))
        return 1
    preflight = examined.known(chosen.agent_dir, {pool.sandbox for pool in chosen.pools})
    if why := examined.refusal(preflight, allow_soft=chosen.allow_soft_limits):
        log.critical("agent not started", reason=why)
        return DOES_NOT_HOLD
    return work(Agent(chosen, preflight))


def occupied(directory: Path) -> str:
    return f"another agent already works in {directory}; stop it or set another PODIUM_AGENT_DIR"


def work(agent: Agent) -> int:
    """Run the agent until it is told to stop; its exit status."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        agent.halt()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return agent.run()


class Undisturbed(io.TextIOBase):
    """A stream whose failures nobody hears: no run may end because a line of log found a full disk."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def start_log() -> None:
    """On standard error, a line for each step; nothing in this program hands a token to the log."""
    said = os.environ.get("PODIUM_LOG", "")  # noqa: TID251 - before the settings can be wrong
    saying.log_to(Undisturbed(sys.stderr), saying.format_for(sys.stderr, said))


if __name__ == "__main__":
    status = main()
    with suppress(OSError):
        sys.stderr.flush()
    # Threads that still wait for the site or the broker hold nothing that is not on disk: no goodbyes.
    os._exit(status)
