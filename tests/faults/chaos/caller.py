"""Somebody who asks the site through the API while everything around it breaks, and asks again until it answers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import httpx

PATIENCE_S = 240.0  # for one answer
SERVER_ERROR = 500


class Caller(threading.Thread):
    """Does `act`; what should never have been said is in `wrong`."""

    def __init__(self, name: str, token: str, *, urls: Sequence[str], seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.retries = 0
        self.wrong: list[str] = []
        self.chance = random.Random(seed)
        self._urls = urls
        self._http = httpx.Client(
            headers={"Authorization": f"Token {token}"}, timeout=15, verify=False, trust_env=False
        )

    def act(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        try:
            self.act()
        except Exception as error:  # noqa: BLE001 - told at the end, with all else that was wrong
            self.wrong.append(f"{self.name}: {error!r}")
        finally:
            self._http.close()

    def asked(self, method: str, path: str, **what: Any) -> httpx.Response:
        """The first answer that is none of a site in trouble."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                answer = self._http.request(method, f"{self.chance.choice(self._urls)}/api/v1/{path}", **what)
            except httpx.TransportError:
                self.retries += 1
            else:
                if answer.status_code < SERVER_ERROR:
                    return answer
                self.retries += 1
            time.sleep(self.chance.uniform(0.2, 1.0))
        raise AssertionError(f"{method} {path} {what} was not answered within {PATIENCE_S:g} s")

    def expected(self, answer: httpx.Response, *statuses: int) -> Any:
        """What it says as JSON, if it is one of these."""
        if answer.status_code not in statuses:
            raise AssertionError(f"{answer.request.url}: {answer.status_code} {answer.text[:300]}")
        return answer.json()
