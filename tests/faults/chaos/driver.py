"""What goes wrong, and when: each fault is drawn from the seed, done, and undone.

One thread kills, another disturbs the world around: so a process dies while the broker hangs, and a host sleeps while
the disk is full. No job is robbed of an attempt twice on purpose: three lost attempts end as INTERNAL_ERROR, rightly,
and the mix could not tell that from a fault of ours.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import kombu
from kombu.exceptions import KombuError
from redis import Redis
from redis.exceptions import RedisError

from tests.faults.chaos import disks
from tests.faults.chaos.own import Clock, Kept, command_of
from tests.stack import Stack

POOLS = ("cpu", "scoring")
Fault = Callable[[random.Random], object]


class World:
    """All that a fault may touch."""

    def __init__(self, stack: Stack, *, web: Kept, host: Kept, clock: Clock, lease_s: float) -> None:
        self.stack, self.web, self.host, self.clock, self.lease_s = stack, web, host, clock, lease_s
        self.runs = (stack.var / "agent" / "runs", stack.var / "second" / "runs")
        self._redis_url = command_of(stack.pid("web"))[1]["PODIUM_REDIS_URL"]
        self.broker = Redis.from_url(self._redis_url, socket_timeout=2, socket_connect_timeout=1)

    def first_attempts(self, runs: Sequence[Path]) -> bool:
        """Whether none of the attempts that run there is a second one already."""
        return all(path.name.endswith("-1") for folder in runs for path in folder.glob("*-*"))

    def ring(self, pools: Sequence[str], times: int) -> None:
        """Bells that nobody asked for, in whatever order."""
        url = self._redis_url.replace("unix://", "redis+socket://", 1)
        with kombu.Connection(url, transport_options={"socket_timeout": 2}) as connection:
            producer = connection.Producer(serializer="json")
            for _ in range(times):
                for pool in pools:
                    producer.publish({}, routing_key=f"pool.{pool}")


def kills(world: World) -> dict[str, Fault]:
    def supervised(name: str) -> Fault:
        def kill(_chance: random.Random) -> None:
            world.stack.kill(name)

        return kill

    def shim(chance: random.Random) -> None:
        found = [path for folder in world.runs for path in folder.glob("*-1/sandbox/shim.json")]
        pid = json.loads(chance.choice(found).read_text())["pid"]  # none: IndexError, and nothing was done
        os.kill(pid, signal.SIGKILL)

    return {
        "web killed": supervised("web"),
        "second web killed": lambda _: world.web.kill(),
        "judge killed": supervised("judge"),
        "beat killed": supervised("beat"),
        "publisher killed": supervised("publisher"),
        "broker killed": supervised("broker"),
        "agent killed": supervised("agent"),
        "second agent killed": lambda _: world.host.kill(),
        "shim killed": shim,
        "shim killed again": shim,
    }


def disturbances(world: World) -> dict[str, Fault]:
    faults: dict[str, Fault] = {
        "broker flushed": lambda _: world.broker.flushall(),
        "broker stopped": lambda chance: _asleep([world.stack.pid("broker")], chance.uniform(1, 4)),
        "bells tenfold": lambda chance: world.ring(chance.sample(POOLS, 2), 10),
        "bells never": lambda chance: _deaf(world, chance.uniform(2, 6)),
        "agent paused": lambda _: _paused(world, world.stack.pid("agent"), world.runs[0]),
        "second agent paused": lambda _: _paused(world, world.host.pid, world.runs[1]),
        "clock ahead": lambda chance: _moved(world, chance.randint(5, 90), chance.uniform(2, 4)),
        "clock behind": lambda chance: _moved(world, -chance.randint(5, 90), chance.uniform(2, 4)),
    }
    for name in disks.SIZES_MB:
        if os.path.ismount(world.stack.var / name):  # only root can mount
            faults[f"disk full under {name or 'the database'}"] = _filling(world, world.stack.var / name)
    return faults


def _asleep(pids: Sequence[int], seconds: float) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _paused(world: World, pid: int, runs: Path) -> None:
    """Past its lease: what it ran is claimed by the other host, and it finishes late."""
    if not world.first_attempts([runs]):
        raise LookupError
    _asleep([pid], world.lease_s + 2)


def _moved(world: World, seconds: int, hold_s: float) -> None:
    if not world.first_attempts(world.runs):
        raise LookupError
    world.clock.move(seconds)
    time.sleep(hold_s)
    world.clock.move(0)


def _deaf(world: World, seconds: float) -> None:
    """Nothing can be put into the pools' queues: a string stands in their place."""
    names = [f"pool.{pool}" for pool in POOLS]
    for name in names:
        world.broker.set(name, "deaf")
    time.sleep(seconds)
    for name in names:
        world.broker.delete(name)


def _filling(world: World, place: Path) -> Fault:
    def filled(chance: random.Random) -> None:
        if not world.first_attempts(world.runs):
            raise LookupError
        disks.fill(place)
        try:
            time.sleep(chance.uniform(1, 3))
        finally:
            disks.free(place)

    return filled


class Driver(threading.Thread):
    """Does faults of a list until stopped; `done` counts them."""

    def __init__(self, faults: dict[str, Fault], seed: int, gap_s: tuple[float, float]) -> None:
        super().__init__(daemon=True)
        self.done: collections.Counter[str] = collections.Counter()
        self.story: list[str] = []
        self._faults, self._chance, self._gap_s = faults, random.Random(seed), gap_s
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def run(self) -> None:
        begun = time.monotonic()
        waiting: list[str] = []
        while not self._stopping.wait(self._chance.uniform(*self._gap_s)):
            # Each once before any comes a second time: a short storm has all of them.
            waiting = waiting or self._chance.sample(sorted(self._faults), len(self._faults))
            name = waiting.pop()
            at = time.monotonic() - begun
            try:
                self._faults[name](self._chance)
            except (OSError, LookupError, ValueError, RedisError, KombuError) as error:
                self.story.append(f"{at:7.1f} s  ({name}: not possible now, {error!r})")
                continue
            self.done[name] += 1
            self.story.append(f"{at:7.1f} s  {name}")
