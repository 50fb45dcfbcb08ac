"""An organiser who has submissions judged again while others are still judged the first time."""

from __future__ import annotations

import collections
import time
from collections.abc import Sequence

import httpx

from runners.verdict import Verdict
from tests.faults.chaos import mix
from tests.faults.chaos.caller import Caller

GAP_S = (3.0, 9.0)
CALLED_BACK = 0.3


class Organiser(Caller):
    """Has single scored submissions judged again, now and then calls that back, and once has all of the phase.

    `rejudged` counts how often it was told that a submission is judged again.
    """

    def __init__(self, token: str, phase: int, *, urls: Sequence[str], duration_s: float, seed: int) -> None:
        super().__init__("organiser", token, urls=urls, seed=seed)
        self.rejudged: collections.Counter[str] = collections.Counter()
        self._phase, self._duration_s = phase, duration_s

    def act(self) -> None:
        begun, all_of_it = time.monotonic(), False
        while (past := time.monotonic() - begun) < self._duration_s:
            time.sleep(self.chance.uniform(*GAP_S))
            # Later there would be more than there is time for.
            if past > min(60.0, self._duration_s / 4) and not all_of_it:
                again = self.asked("POST", f"contests/{mix.CONTEST}/phases/{self._phase}/rejudge/")
                self.expected(again, httpx.codes.ACCEPTED)
                all_of_it = True
            else:
                self._rejudge_one()

    def _rejudge_one(self) -> None:
        listed = self.asked("GET", f"contests/{mix.CONTEST}/submissions/?verdict={Verdict.SCORED}")
        scored = [item["id"] for item in self.expected(listed, httpx.codes.OK)["results"]]
        if not scored:
            return
        submission = self.chance.choice(scored)
        answer = self.asked("POST", f"submissions/{submission}/rejudge/")
        self.expected(answer, httpx.codes.ACCEPTED, httpx.codes.CONFLICT)  # it was judged again a moment ago
        if answer.status_code == httpx.codes.ACCEPTED:
            self.rejudged[submission] += 1
            if self.chance.random() < CALLED_BACK:
                back = self.asked("POST", f"submissions/{submission}/cancel/")
                self.expected(back, httpx.codes.OK)
