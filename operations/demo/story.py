"""`make demo`, from an empty checkout to a live board, with a line for everything that happens.

    build `scoring` ──────────┬─ seed ─ hand in ─┬─ wait for scores ─ "ready" ─ build `torch`, `tensorflow`
    prepare ─ start the site ─┘                  └─ build `python`

Every step may be repeated: a second start finds everything done and only starts the processes. What is left to build
builds while visitors look around; submissions that need it wait, and their pages say for what.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from operations import building, host, processes, running
from operations.building import FIRST, build, build_in_the_background
from operations.commands import run, together
from operations.demo import people, samples
from operations.demo.samples import Entry
from operations.processes import Machine
from operations.running import NotPossible, Say
from operations.supervisor import Supervisor
from operations.telling import Telling

BOARDS = ("digits", "diabetes")  # they take predictions, so they have a score before an environment is built
LATER_BOARDS = ("breast-cancer",)
SCORES_WITHIN_S = 300.0
HANDED_IN = "handed_in.json"
SEEDED = "seeded"  # said by `prepare_site --demo` when the contests are there


async def demo(chosen: Machine, environments: list[str]) -> None:
    """Run the demo until it is cancelled. Raises what `running.until_told_to_stop` prints."""
    say = Telling()
    chosen = dataclasses.replace(
        chosen, accepts_soft_limits=True
    )  # it holds nothing that is worth cheating for
    host.check_disk(chosen.layout, ["scoring", *environments])
    async with running.supervised(chosen, say) as supervisor:
        if building.needs_images(chosen):  # its sandbox can only be tried with one
            await build(["scoring", FIRST], chosen, say)
        seeded, *_ = await together(
            _site(supervisor, chosen, say),
            build(["scoring"], chosen, say),
        )
        if not seeded:
            say("opening the demo contests")
            command = (sys.executable, "manage.py", "seed_demo")
            await run(command, chosen.environment(), log=chosen.layout.logs / "prepare.log")
        await together(
            _hand_in_all(chosen, environments, say),
            _scores(BOARDS, chosen, say),
            build([FIRST], chosen, say),
        )
        _announce(chosen)
        await together(
            _later_scores(chosen, say),
            build_in_the_background([name for name in environments if name != FIRST], chosen, say),
        )
        await asyncio.Event().wait()


async def _site(supervisor: Supervisor, chosen: Machine, say: Say) -> bool:
    """Start all processes; whether the demo's contests were there or could be made at once."""
    said: list[str] = []
    say("preparing database and static files")
    await together(running.prepare(chosen, "--demo", on_line=said.append), host.check_sandbox(chosen, say))
    say("starting the web process, the judge, the publisher and a runner agent")
    await together(running.start_site(supervisor, chosen), supervisor.start_and_wait(processes.agent(chosen)))
    say(f"the site answers at {chosen.url}")
    return SEEDED in said


async def _hand_in_all(chosen: Machine, environments: list[str], say: Say) -> None:
    folder = chosen.layout.var / "demo"
    files = samples.contest_files(folder, chosen.layout.environments)
    fresh = await _hand_in(samples.entries(files, set(environments)), chosen)
    if fresh:
        say(f"handed in {fresh} sample submissions")


async def _scores(boards: Sequence[str], chosen: Machine, say: Say) -> None:
    """Return when every one of these boards has a score."""
    deadline = time.monotonic() + SCORES_WITHIN_S
    seen: set[str] = set()
    async with httpx.AsyncClient(base_url=chosen.url, timeout=10) as client:
        while len(seen) < len(boards):
            for slug in boards:
                if slug not in seen and await _has_scores(client, slug):
                    seen.add(slug)
                    say(f"scores are on the board: {chosen.url}/contests/{slug}/leaderboard/")
            if time.monotonic() > deadline:
                raise NotPossible(
                    f"no score came within {SCORES_WITHIN_S:.0f} s: see {chosen.layout.logs}/agent.log"
                )
            await asyncio.sleep(0.2)


async def _later_scores(chosen: Machine, say: Say) -> None:
    """The same for boards whose first score needs a run: nobody waits for it, and a missing one ends nothing."""
    try:
        await _scores(LATER_BOARDS, chosen, say)
    except NotPossible as error:
        say(str(error))


async def _has_scores(client: httpx.AsyncClient, slug: str) -> bool:
    try:
        answer = await client.get(f"/api/v1/contests/{slug}/leaderboard/")
    except httpx.TransportError:  # it is being started again; the supervisor says so
        return False
    return answer.status_code == httpx.codes.OK and bool(answer.json()["entries"])


async def _hand_in(wanted: list[Entry], chosen: Machine) -> int:
    """Upload what the list of handed-in files does not hold, as its authors. Returns how many were new.

    The list only saves time: each upload has an Idempotency-Key, so a lost list doubles nothing.
    """
    kept = chosen.layout.var / "demo" / HANDED_IN
    done = set(json.loads(kept.read_text(encoding="utf-8"))) if kept.is_file() else set()
    fresh = [entry for entry in wanted if entry.key not in done]
    if not fresh:
        return 0
    tokens = json.loads((chosen.layout.secrets / people.TOKENS_FILE).read_text(encoding="utf-8"))
    async with httpx.AsyncClient(base_url=chosen.url, timeout=30) as client:
        for entry in fresh:
            answer = await client.post(
                f"/api/v1/contests/{entry.contest}/submissions/",
                headers={"Authorization": f"Token {tokens[entry.author]}", "Idempotency-Key": entry.key},
                files={"file": (entry.filename, entry.content)},
                data={"note": entry.note} | ({"environment": entry.environment} if entry.environment else {}),
            )
            if answer.status_code not in {httpx.codes.CREATED, httpx.codes.CONFLICT}:
                raise NotPossible(f"{entry.filename} was refused: {answer.text[:300]}")
            done.add(entry.key)
    _write(kept, sorted(done))
    return len(fresh)


def _write(path: Path, keys: list[str]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(keys), encoding="utf-8")
    fresh.replace(path)


def _announce(chosen: Machine) -> None:
    kept = people.password_file(chosen.layout.secrets, people.ADMIN)
    password = kept.read_text(encoding="utf-8").strip() if kept.is_file() else "(unknown)"
    sys.stdout.write(
        f"\nPodium is ready: {chosen.url}   (log in as {people.ADMIN}, password {password}; kept in {kept})\n"
        f"Ctrl-C stops it; everything is kept in {chosen.layout.var} for the next `make demo`.\n\n"
    )
    sys.stdout.flush()
