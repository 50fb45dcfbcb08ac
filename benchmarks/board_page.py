"""What a board costs to look at, at 100 and at 10,000 entries, side by side. `python -m benchmarks.board_page`

Runs the real stack (tests.stack), fills two contests (benchmarks.board_seed) and asks the web process for the board's
page and for the API's, 100 entries each: the first, one in the middle and the last, as a stranger and as somebody
who stands in the middle. `cpu_ms` is the web process's CPU time per request, which survives a noisy host; `ms` are
the quickest and the median time from the request to the last byte over loopback. The contests take turns. Queries
are counted by Django for the same addresses. Prints JSON; the exit status is 1 when the larger board costs more than
OWN_ROW further queries, or more than LIMIT times the CPU.
"""

from __future__ import annotations

import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.stack import ROOT, Stack, running_stack

READER = "reader"  # benchmarks.board_seed makes them
SIZES = {"small": 100, "large": 10_000}
ROUNDS, TURN = 40, 10
LIMIT = 2.0
OWN_ROW = 2  # the reader's row is on another page, and a page may begin amid a tie
QUERIES = """
import json
from django.conf import settings
settings.ALLOWED_HOSTS = ["testserver"]
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from accounts.models import User
counts = []
for path, reader, token in {asked!r}:
    client = Client(headers={{"Authorization": f"Token {{token}}"}} if token else None)
    if reader:
        client.force_login(User.objects.get(username=reader), backend="django.contrib.auth.backends.ModelBackend")
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    counts.append(len(captured))
print(json.dumps(counts))
"""


def paths(slug: str, entries: int) -> dict[str, tuple[str, str]]:
    """What is asked: the address and who asks ("": a stranger)."""
    pages = entries // 100
    page, api = f"/contests/{slug}/leaderboard/", f"/api/v1/contests/{slug}/leaderboard/"
    return {
        "page, stranger": (page, ""),
        "page, own row elsewhere": (page, READER),
        "page, the middle one": (f"{page}?page={max(1, pages // 2)}", ""),
        "page, the last one": (f"{page}?page={pages}", ""),
        "own standing": (f"{page}own/", READER),
        "API, stranger": (f"{api}?page_size=100", ""),
        "API, the last page": (f"{api}?page={pages}&page_size=100", ""),
        "API, by token": (f"{api}?page_size=100", "token"),
        "API, my rank": (f"{api}me/", "token"),
    }


def signed_in(stack: Stack, password: str) -> httpx.Client:
    client = httpx.Client(base_url=stack.url, timeout=30, follow_redirects=True, verify=False)
    page = client.get("/accounts/login/").text
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    form = {"login": READER, "password": password, "csrfmiddlewaretoken": token}
    client.post("/accounts/login/", data=form, headers={"Referer": stack.url})
    if "sessionid" not in client.cookies:
        raise RuntimeError("the reader could not sign in")
    return client


def seed(stack: Stack) -> dict[str, str]:
    """Fill the boards; who reads them, with password and token."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.board_seed",
            *(f"{slug}={count}" for slug, count in SIZES.items()),
        ],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    reader: dict[str, str] = json.loads(done.stdout)
    return reader


def measure(stack: Stack) -> dict[str, Any]:
    reader = seed(stack)
    token = reader["token"]
    clients = {
        "": httpx.Client(base_url=stack.url, timeout=30, verify=False),
        READER: signed_in(stack, reader["password"]),
        "token": httpx.Client(
            base_url=stack.url, timeout=30, verify=False, headers={"Authorization": f"Token {token}"}
        ),
    }
    small, large = (paths(slug, count) for slug, count in SIZES.items())
    asked = [
        (path, who if who == READER else "", token if who == "token" else "")
        for name in small
        for path, who in (small[name], large[name])
    ]
    counted = json.loads(stack.query(QUERIES.format(asked=asked)))
    web = psutil.Process(stack.pid("web"))
    result = {}
    for at, name in enumerate(small):
        sides = [Side(*small[name]), Side(*large[name])]
        for _ in range(ROUNDS // TURN):
            for side in sides:
                side.take_turn(clients, web)
        result[name] = {
            "queries": both(*counted[2 * at : 2 * at + 2]),
            "cpu_ms": both(*(round(side.cpu_s * 1000 / ROUNDS, 1) for side in sides)),
            "ms_least": both(*(round(min(side.ms), 1) for side in sides)),
            "ms_median": both(*(round(statistics.median(side.ms), 1) for side in sides)),
            "cpu_times": round(sides[1].cpu_s / max(sides[0].cpu_s, 0.01), 2),
            "bytes": len(sides[1].content),
            "bytes_gzip": len(gzip.compress(sides[1].content, 6)),
        }
    return result


class Side:
    """One address of one contest, and what it has cost so far."""

    def __init__(self, path: str, who: str) -> None:
        self.path, self.who = path, who
        self.cpu_s, self.ms, self.content = 0.0, list[float](), b""

    def take_turn(self, clients: dict[str, httpx.Client], web: psutil.Process) -> None:
        before = sum(web.cpu_times()[:2])
        for _ in range(TURN):
            began = time.perf_counter()
            answer = clients[self.who].get(self.path)
            self.ms.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
        self.cpu_s += sum(web.cpu_times()[:2]) - before
        self.content = answer.content


def both(small: float, large: float) -> dict[str, float]:
    return {"small": small, "large": large}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder, running_stack(Path(folder)) as stack:
        result = measure(stack)
    json.dump({"entries": SIZES, "rounds": ROUNDS, **result}, sys.stdout, indent=2)
    sys.stdout.write("\n")
    dear = [
        name
        for name, row in result.items()
        if row["queries"]["large"] > row["queries"]["small"] + OWN_ROW or row["cpu_times"] > LIMIT
    ]
    return int(bool(dear))


if __name__ == "__main__":
    sys.exit(main())
