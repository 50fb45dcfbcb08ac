"""A storm over a whole stack: a known mix is handed in while everything around it breaks, then the reckoning."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.cluster import cluster
from tests.faults.chaos import disks, mix
from tests.faults.chaos.caller import Caller
from tests.faults.chaos.contestants import Contestant
from tests.faults.chaos.driver import Driver, World, disturbances, kills
from tests.faults.chaos.network import Network
from tests.faults.chaos.organiser import Organiser
from tests.faults.chaos.own import Clock, Kept, second_host, second_web
from tests.faults.leftovers import left_of
from tests.stack import Stack, running_stack

CONTESTANTS = 10
A_MINUTE = 3  # uploads of one contestant
CROWDS = 3  # contestants who also hand in many at once
LEASE_S = 4.0
SETTLE_S = 420.0  # two lost last attempts in a row have five minutes' grace
GAP_OF_KILLS_S, GAP_OF_DISTURBANCES_S = (1.5, 5.0), (1.0, 4.0)


@dataclasses.dataclass
class Outcome:
    """What became of a storm; `violations` is empty where all invariants hold."""

    seed: int
    violations: list[str]
    faults: dict[str, int]
    network: dict[str, int]
    figures: dict[str, Any]
    story: list[str]

    def told(self) -> str:
        lines = [
            f"seed {self.seed}: {sum(self.faults.values())} faults, {self.figures.get('submissions')} submissions"
        ]
        lines += [f"  {count:5d}  {name}" for name, count in sorted({**self.faults, **self.network}.items())]
        lines += [f"  {name}: {told}" for name, told in self.figures.items()]
        return "\n".join([*lines, *(f"VIOLATION {words}" for words in self.violations)])


def storm(folder: Path, *, seed: int, minutes: float) -> Outcome:
    """Run it all; state lies below `folder`."""
    var, chance = folder / "var", random.Random(seed)
    quota = max(3, round(A_MINUTE * minutes))
    with contextlib.ExitStack() as held:
        if os.geteuid() == 0:
            held.enter_context(disks.mounted(var))
        told = {"PODIUM_LEASE_S": f"{LEASE_S:g}"}
        if (
            not cluster()
        ):  # there it is about the other database; here warm sandboxes are as on an operator's host
            told["PODIUM_WARM"] = ""
        stack = held.enter_context(running_stack(folder, pools="cpu:2,scoring:1", **told))
        world, network = held.enter_context(_beside(stack, chance.getrandbits(32)))
        contestants, organiser = _people(stack, network, chance, quota, minutes * 60)
        drivers = [
            Driver(kills(world), chance.getrandbits(32), GAP_OF_KILLS_S),
            Driver(disturbances(world), chance.getrandbits(32), GAP_OF_DISTURBANCES_S),
        ]
        callers = [*contestants, organiser]
        _rage(callers, drivers, minutes * 60)
        network.calm = True
        for caller in callers:
            caller.join()
        reckoned, left = _reckon(stack, contestants, organiser, quota)
    retries = sum(caller.retries for caller in callers)
    return Outcome(
        seed=seed,
        violations=[
            *(words for caller in callers for words in caller.wrong),
            *reckoned["violations"],
            *(f"left on the host: {it}" for it in left),
        ],
        faults=dict(sum((driver.done for driver in drivers), collections.Counter[str]())),
        network=dict(network.done),
        figures=reckoned["figures"] | {"requests tried again": retries},
        story=sorted(line for driver in drivers for line in driver.story),
    )


def _people(
    stack: Stack, network: Network, chance: random.Random, quota: int, seconds: float
) -> tuple[list[Contestant], Organiser]:
    told = json.loads(stack.query(f"from tests.faults.chaos.seed import seed\nseed({CONTESTANTS}, {quota})"))
    urls = (stack.url, network.url)
    contestants = [
        Contestant(
            user,
            token,
            mix.plan(chance, quota),
            urls=urls,
            duration_s=seconds,
            crowds=number < CROWDS,
            seed=chance.getrandbits(32),
        )
        for number, (user, token) in enumerate(told["contestants"].items())
    ]
    organiser = Organiser(
        told["organiser"], told["phase"], urls=urls, duration_s=seconds, seed=chance.getrandbits(32)
    )
    return contestants, organiser


@contextlib.contextmanager
def _beside(stack: Stack, seed: int) -> Iterator[tuple[World, Network]]:
    """The second web process, whose clock moves, behind a bad network; and the second host, which knows no other."""
    logs, clock = stack.var / "logs", Clock(stack.var / "run" / "clock")
    kept: list[Kept] = []
    web, port = second_web(stack, clock, logs / "second-web.log")
    kept.append(web)
    network = Network(f"http://127.0.0.1:{port}", seed)
    try:
        host = second_host(stack, network.url, stack.var / "second", logs / "second-agent.log")
        kept.append(host)
        yield World(stack, web=web, host=host, clock=clock, lease_s=LEASE_S), network
    finally:
        for process in reversed(kept):
            process.close()
        network.close()


def _rage(callers: Sequence[Caller], drivers: Sequence[Driver], seconds: float) -> None:
    for thread in (*callers, *drivers):
        thread.start()
    time.sleep(seconds)
    for driver in drivers:
        driver.stop()


def _reckon(
    stack: Stack, contestants: Sequence[Contestant], organiser: Organiser, quota: int
) -> tuple[dict[str, Any], list[str]]:
    told = stack.var / "told.json"
    accepted = [dataclasses.asdict(item) for contestant in contestants for item in contestant.accepted]
    told.write_text(json.dumps({"accepted": accepted, "rejudged": organiser.rejudged, "quota": quota}))
    stack.query(f"from tests.faults.chaos import ledger\nledger.wait({SETTLE_S})", within_s=SETTLE_S + 60)
    left = left_of(stack, within_s=20)
    program = (
        f"import pathlib\nfrom tests.faults.chaos import ledger\nledger.examine(pathlib.Path({str(told)!r}))"
    )
    reckoned: dict[str, Any] = json.loads(stack.query(program))
    return reckoned, left
