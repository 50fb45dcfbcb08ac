"""One case on its whole way: uploaded, awaited, and looked at from all sides."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import httpx

from operations.corpus import inert, uploading
from operations.corpus.canaries import Watch as CanaryWatch
from operations.corpus.case import REJECTED, Case
from operations.corpus.contestant import TERMINAL, Contestant, Fetched, refusal_code
from operations.corpus.leftovers import Watch
from operations.corpus.listening import Listener
from operations.corpus.site import Site
from runners.verdict import Verdict

GRACE_S = 5.0  # a run ends within its wall limit and this, whatever it does
START_S = (
    15.0  # and this is for its sandbox to start, and its files to be brought and fetched, on a busy host
)
SCORED_WITHIN_S = 60.0
MARKER = 200  # bytes of the line that says that a log was cut
ROUNDED = 1e-9
NOT_JUDGED = "not judged"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a case. It holds if there is neither fault nor leftover nor canary."""

    case: Case
    got: str
    score: float | None = None
    seconds: float = 0.0
    leftovers: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()  # "labels in /api/v1/…"
    faults: tuple[str, ...] = ()
    skipped: str = ""  # why

    @property
    def holds(self) -> bool:
        return not (self.leftovers or self.canaries or self.faults)

    def as_json(self) -> dict[str, Any]:
        told = {"case": self.case.name, "expected": list(self.case.expect), "holds": self.holds}
        rest = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return told | {name: value for name, value in rest.items() if name != "case"}


@dataclasses.dataclass(frozen=True, slots=True)
class Judging:
    """What it takes to judge cases on a running site. `another` is somebody else's submission."""

    site: Site
    contestant: Contestant
    host: Watch
    canaries: CanaryWatch
    another: str

    def judge(self, case: Case) -> Outcome:
        """Raises contestant.Stopped."""
        began = time.monotonic()
        slug = self.site.slug_of(case)
        try:
            answer = self.contestant.hand_in(uploading.of(case, self.site.canaries), slug)
        except uploading.GeneratorFailed as failed:
            return Outcome(case=case, got=NOT_JUDGED, faults=(str(failed),))
        except httpx.TransportError as broken:
            return Outcome(case=case, got="no answer", faults=(f"the upload was cut off: {broken!r}",))
        if answer.status != httpx.codes.CREATED:
            return self._refused(case, answer, time.monotonic() - began)
        return self._accepted(case, slug, answer, began)

    def look_around(self, cases: Iterable[Case]) -> list[str]:
        """What is seen of the contests of these cases that a contestant must not see."""
        slugs = dict.fromkeys(self.site.slug_of(case) for case in cases)
        return self._seen([page for slug in slugs for page in self.contestant.crawl_contest(slug)])

    def _refused(self, case: Case, answer: Fetched, seconds: float) -> Outcome:
        by_us = answer.status >= httpx.codes.INTERNAL_SERVER_ERROR
        got = f"HTTP {answer.status}" if by_us else REJECTED
        faults = _unexpected(case, got, None)
        if faults:
            faults = [f"{faults[0]} ({refusal_code(answer) or answer.body[:200]!r})"]
        return Outcome(
            case=case,
            got=got,
            seconds=seconds,
            canaries=tuple(self._seen([answer])),
            faults=tuple(faults + _late(case, seconds)),
        )

    def _accepted(self, case: Case, slug: str, answer: Fetched, began: float) -> Outcome:
        submission = httpx.Response(200, content=answer.body).json()["id"]
        with Listener(self.site.url, self.contestant.live_address(submission)) as listener:
            stages = 2 if case.hidden else 1
            found = self.contestant.wait(
                submission, stages * (case.limits.wall_s + GRACE_S + START_S) + SCORED_WITHIN_S
            )
            seconds = time.monotonic() - began
            jobs = self.host.jobs(submission)
            leftovers = self.host.after(jobs)
            live = listener.heard() + b"\n" + listener.replay()
        pages = [answer, Fetched("the live stream", 200, httpx.Headers(), live)]
        pages += self.contestant.crawl(submission, slug, self.another)
        got = _verdict(found)
        faults = _unexpected(case, got, found["public_score"]) + _late(case, seconds)
        faults += self._overran(case, found, jobs) + self._long_log(case, jobs)
        faults += _acting(case, submission, pages)
        return Outcome(
            case=case,
            got=got,
            score=found["public_score"],
            seconds=seconds,
            leftovers=tuple(leftovers),
            canaries=tuple(self._seen(pages)),
            faults=tuple(faults),
        )

    def _seen(self, pages: list[Fetched]) -> list[str]:
        found = [(place, page.address) for page in pages for place in self.canaries.seen(page.everything())]
        return [f"{place} in {address}" for place, address in dict.fromkeys(found)]

    def _long_log(self, case: Case, jobs: list[str]) -> list[str]:
        """Whether more of a log is kept than the case's cap and the line that says so."""
        query = "select coalesce(sum(length(data)), 0) from judge_logchunk where job_id = ?"
        most = case.limits.log_kb * 1024 + MARKER
        kept = [self.host.rows(query, job.replace("-", ""))[0][0] for job in jobs]
        return [f"{size} bytes of its log are kept, and its cap is {most}" for size in kept if size > most]

    def _overran(self, case: Case, found: Mapping[str, Any], jobs: list[str]) -> list[str]:
        """Whether a program had more than its wall limit and the grace."""
        faults = []
        for run in found["runs"]:
            wall = float(run["facts"].get("wall_s", 0.0))
            if wall > case.limits.wall_s + GRACE_S:
                faults.append(f"ran {wall:.1f} s, and its limit is {case.limits.wall_s:g} s")
        for job in jobs:
            query = "select claimed_at, finished_at, kind, error from judge_job where id = ?"
            for claimed, finished, kind, error in self.host.rows(query, job.replace("-", "")):
                held = _seconds(claimed, finished)
                if kind != "score" and held > case.limits.wall_s + GRACE_S + START_S:
                    faults.append(f"its sandbox was held {held:.1f} s")
                if error:
                    faults.append(f"our own error in {kind}: {error[:300]}")
        return faults


def _verdict(found: Mapping[str, Any]) -> str:
    if found["status"] not in TERMINAL:
        waiting = found.get("waiting_for") or {}
        environment = f", waits for {waiting['environment']}" if waiting else ""
        return f"{found['status']}{environment}"
    return str(found["verdict"])


def _unexpected(case: Case, got: str, score: float | None) -> list[str]:
    if got not in case.expect:
        return [f"expected {' or '.join(case.expect)}, got {got}"]
    if case.expect_score is None or got != Verdict.SCORED:
        return []
    low, high = case.expect_score
    if score is None or not low - ROUNDED <= score <= high + ROUNDED:
        return [f"expected a score from {low:g} to {high:g}, got {score}"]
    return []


def _late(case: Case, seconds: float) -> list[str]:
    if case.within_s is not None and seconds > case.within_s:
        return [f"took {seconds:.1f} s, and may take {case.within_s:g} s"]
    return []


def _acting(case: Case, submission: str, pages: list[Fetched]) -> list[str]:
    """What could act on whoever looks, and what the case forbids in its log."""
    faults = []
    for page in pages:
        if submission in page.address and (found := inert.active(page)):
            faults.append(f"{', '.join(dict.fromkeys(found))} in {page.address}")
        if page.address == "log text":
            text = page.body.decode()
            if inert.commands(text):
                faults.append("control characters in the log")
            faults += [
                f"its log holds {word!r}, which it must not"
                for word in case.log_must_not_contain
                if word in text
            ]
    return faults


def _seconds(begin: str | None, end: str | None) -> float:
    if begin is None or end is None:
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
