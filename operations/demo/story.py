"""`make demo`, from an empty checkout to a live board, with a line for everything that happens.

    build `scoring` ──────────┬─ seed ─ hand in ─┬─ wait for scores ─ "ready" ─ build `torch`, `tensorflow`
    prepare ─ start the site ─┘                  └─ build `python`

Every step may be repeated: a second start finds everything done and only starts the processes. What is left to build
builds while visitors look around; submissions that need it wait, and their pages say for what.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import httpx

from operations import processes, running
from operations.commands import CommandFailed, run, together
from operations.demo import host, people, samples
from operations.demo.samples import Entry
from operations.processes import Machine
from operations.running import NotPossible, Say
from operations.supervisor import Supervisor
from runners.environments import definitions, ready

BOARDS = ("digits", "diabetes")
SCORES_WITHIN_S = 300.0
HANDED_IN = "handed_in.json"
SEEDED = "seeded"  # said by `prepare_site --demo` when the contests are there
UNREACHABLE = 3  # exit status of `runners.environments`: trying again later may help
RETRY_BUILD_S = 60.0


class Telling:
    """Lines for the terminal, each with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def __call__(self, line: str) -> None:
        sys.stdout.write(f"[{self.elapsed:4.0f} s] {line}\n")
        sys.stdout.flush()


async def demo(chosen: Machine, environments: list[str]) -> None:
    """Run the demo until it is cancelled. Raises what `running.until_told_to_stop` prints."""
    say = Telling()
    host.check_disk(chosen.layout, ["scoring", *environments])
    async with running.supervised(chosen, say) as supervisor:
        seeded, *_ = await together(
            _site(supervisor, chosen, say),
            _build(["scoring"], chosen, say),
            host.check_sandbox(chosen, say),
        )
        if not seeded:
            say("opening the demo contests")
            command = (sys.executable, "manage.py", "seed_demo")
            await run(command, chosen.environment(), log=chosen.layout.logs / "prepare.log")
        await together(
            _scores(chosen, environments, say),
            _build([name for name in environments if name == "python"], chosen, say),
        )
        _announce(chosen)
        await _build_the_rest([name for name in environments if name != "python"], chosen, say)
        await asyncio.Event().wait()


async def _site(supervisor: Supervisor, chosen: Machine, say: Say) -> bool:
    """Start all processes; whether the demo's contests were there or could be made at once."""
    said: list[str] = []
    say("preparing database and static files")
    await running.prepare(chosen, "--demo", on_line=said.append)
    say("starting the web process, the judge, the publisher and a runner agent")
    await together(running.start_site(supervisor, chosen), supervisor.start_and_wait(processes.agent(chosen)))
    say(f"the site answers at {chosen.url}")
    return SEEDED in said


async def _build(names: list[str], chosen: Machine, say: Say, *, gently: bool = False) -> None:
    """Build environments, one after another; those that are ready take no time."""
    root = chosen.layout.environments
    built = ready(root)
    for name in names:
        if definitions()[name].identifier in built:
            continue
        say(f"building environment {name}")
        argv: tuple[str, ...] = (
            sys.executable,
            "-m",
            "runners.environments",
            "build",
            name,
            "--root",
            str(root),
        )
        if gently:
            argv = ("nice", "-n", "19", *argv)
        environment = dict(os.environ)  # noqa: TID251 - uv and pip have settings of their own there
        log = chosen.layout.logs / "environments.log"
        await run(argv, environment, log=log, on_line=lambda line: say(f"  {line}"))


async def _build_the_rest(names: list[str], chosen: Machine, say: Say) -> None:
    """Build large environments in the background; one that cannot be built does not end the demo."""
    for name in names:
        while not await _built(name, chosen, say):  # noqa: ASYNC110 - a pause, not a wait for an event
            await asyncio.sleep(RETRY_BUILD_S)


async def _built(name: str, chosen: Machine, say: Say) -> bool:
    """Try to build one environment; whether trying again would change nothing."""
    try:
        await _build([name], chosen, say, gently=True)
    except CommandFailed as error:
        again = error.code == UNREACHABLE
        say(f"{error}{f' (next try in {RETRY_BUILD_S:.0f} s)' if again else ''}")
        return not again
    return True


async def _scores(chosen: Machine, environments: list[str], say: Say) -> None:
    """Hand in what has not been handed in, and wait until every demo board has a score."""
    folder = chosen.layout.var / "demo"
    files = samples.contest_files(folder, chosen.layout.environments)
    wanted = samples.entries(files, set(environments))
    fresh = await _hand_in(wanted, chosen)
    if fresh:
        say(f"handed in {fresh} sample submissions")
    deadline = time.monotonic() + SCORES_WITHIN_S
    seen: set[str] = set()
    async with httpx.AsyncClient(base_url=chosen.url, timeout=10) as client:
        while len(seen) < len(BOARDS):
            for slug in BOARDS:
                if slug not in seen and await _has_scores(client, slug):
                    seen.add(slug)
                    say(f"scores are on the board: {chosen.url}/contests/{slug}/leaderboard/")
            if time.monotonic() > deadline:
                raise NotPossible(
                    f"no score came within {SCORES_WITHIN_S:.0f} s: see {chosen.layout.logs}/agent.log"
                )
            await asyncio.sleep(0.2)


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
