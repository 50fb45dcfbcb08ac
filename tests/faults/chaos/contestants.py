"""Contestants who hand in the mix, call some of it back, and hand in more at once than they may."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from runners.verdict import Verdict
from tests.faults.chaos import mix
from tests.faults.chaos.caller import PATIENCE_S, Caller
from tests.faults.chaos.mix import Entry
from tests.stack import TERMINAL

REFUSED = 2  # beyond the quota
STARTS_WITHIN_S = 90.0


@dataclasses.dataclass(frozen=True, slots=True)
class Accepted:
    """What a contestant was told: this entry is this submission."""

    user: str
    key: str
    entry: str
    submission: str


class Contestant(Caller):
    """Hands in its plan, spread over `duration_s`; of each upload it remembers what it was told.

    With `crowds` it also hands in many at once to a contest that takes few at once and few a day.
    """

    def __init__(
        self,
        user: str,
        token: str,
        entries: Sequence[Entry],
        *,
        urls: Sequence[str],
        duration_s: float,
        crowds: bool,
        seed: int,
    ) -> None:
        super().__init__(user, token, urls=urls, seed=seed)
        self.accepted: list[Accepted] = []
        self.refused = 0
        self._waited = False  # until one ran, to stop it
        steps: list[Callable[[str], object]] = [functools.partial(self._step, entry) for entry in entries]
        if crowds:
            steps.insert(self.chance.randrange(len(steps)), self._crowd)
        self._steps, self._gap_s = steps, duration_s / max(1, len(steps))

    def act(self) -> None:
        begun = time.monotonic()
        for number, step in enumerate(self._steps):
            due = begun + (number + self.chance.random()) * self._gap_s
            time.sleep(max(0.0, due - time.monotonic()))
            step(f"{self.name}-{number}")
        while self.refused < REFUSED:  # what was called back in time has made room for another
            self._step(mix.BY_NAME["right"], f"{self.name}-{len(self.accepted)}-more")

    def _step(self, entry: Entry, key: str) -> None:
        submission = self._hand_in(entry, key)
        if submission is None:
            self.refused += 1
            return
        if self.chance.random() < 0.3:  # that of one who does not trust the answer
            again = self._taken(entry, key)
            if again != submission:
                self.wrong.append(f"{key} was {submission}, and told again {again}")
        if entry.verdict is Verdict.CANCELLED:
            if not entry.environment and (self.chance.random() < 0.7 or not self._waited):
                self._waited = True
                self._until(submission, {"RUNNING"}, STARTS_WITHIN_S)
            self._call_back(submission)

    def _hand_in(self, entry: Entry, key: str) -> str | None:
        submission = self._taken(entry, key)
        if submission is not None:
            self.accepted.append(Accepted(self.name, key, entry.name, submission))
        return submission

    def _taken(self, entry: Entry, key: str) -> str | None:
        """The submission's id; None when the quota is used up."""
        # A comment or a trailing newline would do for bytes of their own; the same bytes twice must do as well.
        answer = self.asked(
            "POST",
            f"contests/{entry.contest}/submissions/",
            files={"file": (entry.filename, entry.content)},
            data={"environment": entry.environment},
            headers={"Idempotency-Key": key},
        )
        said = self.expected(answer, httpx.codes.CREATED, httpx.codes.TOO_MANY_REQUESTS)
        if answer.status_code == httpx.codes.CREATED:
            return str(said["id"])
        if said["code"] != "quota":
            raise AssertionError(f"{key} ({entry.name}): {said}")
        return None

    def _call_back(self, submission: str) -> None:
        said = self.expected(self.asked("POST", f"submissions/{submission}/cancel/"), httpx.codes.OK)
        if said["status"] != "CANCELLED":
            self.wrong.append(f"{self.name} called {submission} back, which is {said['status']} all the same")

    def _until(self, submission: str, statuses: Collection[str], within_s: float) -> None:
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            said = self.expected(self.asked("GET", f"submissions/{submission}/"), httpx.codes.OK)
            if said["status"] in statuses:
                return
            time.sleep(0.3)

    def _crowd(self, key: str) -> None:
        """What the limits allow is taken, and no more: first of those at once, which wait; then of those a day."""
        waiting = self._at_once(mix.BY_NAME["unready in a crowd"], f"{key}-waiting")
        if len(waiting) != mix.PENDING:
            self.wrong.append(f"of a crowd of {self.name} {len(waiting)} were taken, not {mix.PENDING}")
        for submission in waiting:
            self._call_back(submission)
        number = 0
        while taken := self._at_once(mix.BY_NAME["right in a crowd"], f"{key}-{number}"):
            number += 1
            for submission in taken:
                self._until(submission, TERMINAL, PATIENCE_S)

    def _at_once(self, entry: Entry, key: str) -> list[str]:
        with ThreadPoolExecutor(mix.CROWD) as threads:
            said = threads.map(lambda number: self._hand_in(entry, f"{key}-{number}"), range(mix.CROWD))
            return [submission for submission in said if submission is not None]
