"""Contestants who hand in the mix through the API, and who try again with the same key when they hear nothing."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Sequence

import httpx

from tests.faults.chaos.mix import Entry

PATIENCE_S = 240.0  # for one upload, while everything around it breaks
SERVER_ERROR = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Accepted:
    """What a contestant was told: this entry is this submission."""

    user: str
    key: str
    entry: str
    submission: str


class Contestant(threading.Thread):
    """Hands in its plan, spread over `duration_s`; of each upload it remembers what it was told."""

    def __init__(
        self,
        user: str,
        token: str,
        entries: Sequence[Entry],
        *,
        urls: Sequence[str],
        duration_s: float,
        seed: int,
    ) -> None:
        super().__init__(name=user, daemon=True)
        self.accepted: list[Accepted] = []
        self.refused = 0
        self.retries = 0
        self.wrong: list[str] = []  # what should never have been said
        self._user, self._entries, self._urls = user, entries, urls
        self._gap_s = duration_s / max(1, len(entries))
        self._chance = random.Random(seed)
        self._http = httpx.Client(
            headers={"Authorization": f"Token {token}"}, timeout=15, verify=False, trust_env=False
        )

    def run(self) -> None:
        begun = time.monotonic()
        try:
            for number, entry in enumerate(self._entries):
                due = begun + (number + self._chance.random()) * self._gap_s
                time.sleep(max(0.0, due - time.monotonic()))
                self._hand_in(number, entry)
        except Exception as error:  # noqa: BLE001 - told at the end, with all else that was wrong
            self.wrong.append(f"{self._user}: {error!r}")
        finally:
            self._http.close()

    def _hand_in(self, number: int, entry: Entry) -> None:
        key = f"{self._user}-{number}"
        said = self._until_answered(key, entry)
        if said is None:
            self.refused += 1
            return
        self.accepted.append(Accepted(self._user, key, entry.name, said))
        if self._chance.random() < 0.3:  # that of one who does not trust the answer
            again = self._until_answered(key, entry)
            if again != said:
                self.wrong.append(f"{key} was {said}, and told again {again}")

    def _until_answered(self, key: str, entry: Entry) -> str | None:
        """The submission's id; None when the quota is used up."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                answer = self._post(key, entry)
            except httpx.TransportError:
                self.retries += 1
            else:
                if answer.status_code == httpx.codes.CREATED:
                    return str(answer.json()["id"])
                if answer.status_code == httpx.codes.TOO_MANY_REQUESTS and answer.json()["code"] == "quota":
                    return None
                if answer.status_code < SERVER_ERROR:
                    raise AssertionError(f"{key} ({entry.name}): {answer.status_code} {answer.text[:300]}")
                self.retries += 1
            time.sleep(self._chance.uniform(0.2, 1.0))
        raise AssertionError(f"{key} ({entry.name}) was not answered within {PATIENCE_S:g} s")

    def _post(self, key: str, entry: Entry) -> httpx.Response:
        # A comment or a trailing newline would do for bytes of their own; the same bytes twice must do as well.
        return self._http.post(
            f"{self._chance.choice(self._urls)}/api/v1/contests/{entry.contest}/submissions/",
            files={"file": (entry.filename, entry.content)},
            headers={"Idempotency-Key": key},
        )
