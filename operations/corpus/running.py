"""A whole corpus on a private site: benign first, then the cases two at a time, benign at last.

Theory of operation. Cases that name a companion (`parallel_with`) have the machine for themselves, both at once; all
others run two at a time, in the order of their names. What the host has to show for it is looked at three times: after
each case what names its jobs, at the end what the agent's folder takes of the disk and what its processes used, and
when all processes are gone whatever still names the site.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from operations.corpus import leftovers, seed, task, uploading
from operations.corpus.canaries import OTHERS
from operations.corpus.case import SMALL, Case
from operations.corpus.contestant import TERMINAL, Contestant
from operations.corpus.judging import Judging, Outcome
from operations.corpus.reading import Corpus
from operations.corpus.site import SLOTS, Site, private_site
from operations.running import NotPossible, Say
from runners.verdict import Verdict

FIRST_SCORE_S = 90.0
MOST_MEMORY = 512 << 20  # of one of the site's processes, whatever is handed in
PROCESSES = ("web", "judge", "publisher", "agent")
ENDED_WITHIN_S = 20.0
LOOK_S = 2.0


@dataclasses.dataclass(slots=True)
class Report:
    """What came of all cases, and what is wrong with the host or the site as a whole."""

    outcomes: list[Outcome] = dataclasses.field(default_factory=list)
    faults: list[str] = dataclasses.field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.faults and all(outcome.holds for outcome in self.outcomes)


@dataclasses.dataclass(frozen=True, slots=True)
class Pass:
    """One pass over a corpus, and how it is told to end early."""

    corpus: Corpus
    site: Site
    watch: leftovers.Watch
    report: Report
    say: Say
    stopping: threading.Event = dataclasses.field(default_factory=threading.Event)


async def run_corpus(corpus: Corpus, environments: Path, sandbox: str, say: Say) -> Report:
    """Judge every case. Raises what operations.running.until_told_to_stop prints."""
    report = Report()
    async with private_site(list(corpus.cases.values()), environments, sandbox, say) as site:
        whole = Pass(corpus, site, leftovers.Watch(site.var, sandbox), report, say)
        work = asyncio.create_task(asyncio.to_thread(_judge_all, whole))
        try:
            await asyncio.shield(work)
        finally:
            whole.stopping.set()
            await asyncio.wait({work}, timeout=ENDED_WITHIN_S)
    report.faults += [f"left at the end: {line}" for line in await asyncio.to_thread(whole.watch.after_all)]
    return report


def _judge_all(whole: Pass) -> None:
    site, watch = whole.site, whole.watch
    people = {
        name: Contestant(site.url, name, token, site.password, whole.stopping)
        for name, token in site.tokens.items()
    }
    try:
        with watch:
            contestant = people[seed.CONTESTANT]
            first = _benign(site, contestant, "the benign submission")
            whole.say("the benign submission is scored")
            another = _another(site, people[seed.ANOTHER])
            watch.after(watch.jobs(another))
            before = watch.use()
            judging = Judging(site, contestant, watch, site.canaries.watch(), another)
            _judge_cases(whole, judging)
            seen = judging.look_around(whole.corpus.cases.values())
            whole.report.faults += [f"seen: {canary}" for canary in seen]
            whole.report.faults += _benign_again(site, contestant, first)
            whole.report.faults += _host_faults(site, watch, before)
    finally:
        for person in people.values():
            person.close()


def _judge_cases(whole: Pass, judging: Judging) -> None:
    cases, report = whole.corpus.cases, whole.report
    skips = {name: why for name, case in cases.items() if (why := _missing(case, judging))}
    report.outcomes += [Outcome(case=cases[name], got="skipped", skipped=why) for name, why in skips.items()]
    groups = [group for group in _groups(cases) if not skips.keys() & {case.name for case in group}]
    left = sum(len(group) for group in groups)
    done = 0

    def judged(case: Case) -> None:
        nonlocal done
        outcome = judging.judge(case)
        report.outcomes.append(outcome)
        done += 1
        mark = "ok" if outcome.holds else "FAILED"
        whole.say(f"{done:3}/{left} {case.name:<34} {outcome.got:<24} {outcome.seconds:5.1f} s  {mark}")

    with concurrent.futures.ThreadPoolExecutor(SLOTS) as pool:
        for group in groups:
            if len(group) > 1:
                list(pool.map(judged, group))
        list(pool.map(judged, [case for group in groups if len(group) == 1 for case in group]))
    report.outcomes.sort(key=lambda outcome: outcome.case.name)


def _groups(cases: dict[str, Case]) -> Iterator[list[Case]]:
    """Each case once: with its companion, or alone."""
    companions = {case.parallel_with for case in cases.values() if case.parallel_with}
    seen: set[str] = set()
    for case in sorted(cases.values(), key=lambda case: (not case.parallel_with, case.name)):
        if case.name in seen or (not case.parallel_with and case.name in companions):
            continue
        group = [case, *([cases[case.parallel_with]] if case.parallel_with else [])]
        group = [one for one in group if one.name not in seen]
        seen.update(one.name for one in group)
        yield group


def _missing(case: Case, judging: Judging) -> str:
    """Which capability this host lacks for the case; empty: none."""
    if case.limits.gpus:
        rows = judging.host.rows("select devices from compute_runnerhost")
        free = max((len(json.loads(row[0] or "[]")) for row in rows), default=0)
        if free < case.limits.gpus:
            return f"needs {case.limits.gpus} GPU, and this host has {free or 'none'}"
    return ""


def _benign(site: Site, contestant: Contestant, what: str) -> float:
    slug = site.slugs[SMALL, False]
    answer = contestant.hand_in(uploading.whole("main.py", task.BENIGN), slug)
    return _scored(site, contestant, answer.body, what)


def _benign_again(site: Site, contestant: Contestant, first: float) -> list[str]:
    """The next submission must be judged as if nothing had happened."""
    try:
        last = _benign(site, contestant, "the benign submission at the end")
    except NotPossible as harmed:
        return [str(harmed)]
    return [] if last == first else [f"the benign submission scored {first} before and {last} after"]


def _another(site: Site, person: Contestant) -> str:
    """Somebody else's submission, with a token in its source, its name, its log and a file that it leaves."""
    token = site.canaries.tokens[OTHERS]
    source = task.BENIGN + f'print("{token}")\nopen("/output/{token}.txt", "w").write("{token}")\n'.encode()
    answer = person.hand_in(uploading.whole(f"{token}.py", source), site.slugs[SMALL, False])
    _scored(site, person, answer.body, "another's submission")
    return str(json.loads(answer.body)["id"])


def _scored(site: Site, contestant: Contestant, body: bytes, what: str) -> float:
    """The score. Raises NotPossible with what the operator can look at."""
    try:
        submission = json.loads(body)["id"]
    except (ValueError, KeyError):
        raise NotPossible(f"{what} was refused: {body[:300]!r}") from None
    deadline = time.monotonic() + FIRST_SCORE_S
    while True:
        found = contestant.wait(submission, LOOK_S)
        fails = site.agent_fails()
        if found["status"] in TERMINAL or fails or time.monotonic() > deadline:
            break
    if found["verdict"] != Verdict.SCORED:
        came = found["verdict"] or found["status"]
        waiting = (found.get("waiting_for") or {}).get("environment", "")
        hint = f"no agent has the environment {waiting} for this sandbox; " if waiting and not fails else ""
        raise NotPossible(
            f"{what} came to {came} instead of SCORED: {hint}the agent says: {site.agents_words()}"
        )
    return float(found["public_score"])


def _host_faults(site: Site, watch: leftovers.Watch, before: leftovers.Use) -> list[str]:
    found = leftovers.gone(lambda: leftovers.grown(before, watch.use()))
    found += leftovers.gone(lambda: _temporary(site.machine.temporary))
    found += [f"{name} ended and was started again" for name, count in site.restarts().items() if count]
    for name, peak in _memory(site.pids()).items():
        if peak > MOST_MEMORY:
            found.append(f"{name} grew to {peak >> 20} MiB")
    return found


def _temporary(folder: Path) -> list[str]:
    return [f"temporary file {path.name}" for path in folder.iterdir()]


def _memory(pids: dict[str, int]) -> dict[str, int]:
    """The peak of resident memory of the site's processes."""
    found = {}
    for name in PROCESSES:
        status = Path(f"/proc/{pids.get(name, 0)}/status")
        for line in status.read_text(encoding="utf-8").splitlines() if status.exists() else ():
            if line.startswith("VmHWM:"):
                found[name] = int(line.split()[1]) << 10
    return found
