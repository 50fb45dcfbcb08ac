"""How much one web process accepts, and what a full-size site costs to use. `python -m benchmarks.load [--postgres]`

Runs the real stack (tests.stack; the agent is stopped, so that it takes no processor from what is measured), fills its
database by `manage.py populate`, and then:

    uploads    100 people hand in predictions at once, over loopback, for some seconds: accepted a minute, p50 and p95
               from the first byte to the answer, and the web process's own processor time for each
    ways       everything of tests.scale.paths, each some times in a process of the site: p50 and p95 of its processor
               time, and its queries

Whoever hands in runs on the same machine. Prints JSON with the load average; the exit status is 1 when an upload was
refused, or a way's p95 is above 100 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.cluster import start_cluster
from tests.stack import ROOT, Stack, running_stack

PEOPLE = 100
P95_MS = 100.0
ROUNDS = 21
OPEN = f"""
import json
from accounts import tokens
from tests import builders
contest = builders.make_contest("load", daily_limit=1_000_000)
people = [builders.make_user(f"hand-{{n}}") for n in range({PEOPLE})]
for person in people:
    builders.join(contest, person)
print(json.dumps([tokens.create_api_token(user=person, name="load") for person in people]))
"""
WAYS = f"""
import json, time
from django.conf import settings
settings.ALLOWED_HOSTS = ["testserver"]
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from tests.scale import paths
site, told = paths.look_around("large"), {{}}
with paths.lean():
    for name, way in paths.WAYS.items():
        spent = []
        for number in range({ROUNDS} + 1):
            with transaction.atomic():
                if number == 0:
                    with CaptureQueriesContext(connection) as captured:
                        way(site)
                        queries = len(captured)
                else:
                    began = time.process_time()
                    way(site)
                    spent.append((time.process_time() - began) * 1000)
                transaction.set_rollback(True)
        told[name] = {{"queries": queries, "ms": spent}}
print(json.dumps(told))
"""


def quantiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1), "most": round(max(values), 1)}


def uploads(stack: Stack, seconds: float) -> dict[str, Any]:
    tokens: list[str] = json.loads(stack.query(OPEN))
    web = psutil.Process(stack.pid("web"))
    took, answers, lock = list[float](), list[int](), threading.Lock()
    gate = threading.Barrier(PEOPLE + 1)
    over = threading.Event()

    def hand_in(number: int, token: str) -> None:
        headers = {"Authorization": f"Token {token}"}
        with httpx.Client(base_url=stack.url, headers=headers, timeout=60, verify=False) as client:
            gate.wait()
            count = 0
            while not over.is_set():
                content = f"id,target\n3,{number}\n4,{count}\n".encode()
                began = time.perf_counter()
                answer = client.post("/api/v1/contests/load/submissions/", files={"file": ("a.csv", content)})
                spent = (time.perf_counter() - began) * 1000
                with lock:
                    took.append(spent)
                    answers.append(answer.status_code)
                count += 1

    with ThreadPoolExecutor(PEOPLE) as hands:
        working = [hands.submit(hand_in, number, token) for number, token in enumerate(tokens)]
        gate.wait()
        began, before = time.monotonic(), sum(web.cpu_times()[:2])
        time.sleep(seconds)
        within, spent = len(answers), sum(web.cpu_times()[:2]) - before
        elapsed = time.monotonic() - began
        over.set()
        for each in working:
            each.result()
    return {
        "accepted_a_minute": round(within / elapsed * 60),
        "refused": sum(status != httpx.codes.CREATED for status in answers),
        "ms": quantiles(took),
        "web_cpu_ms_each": round(spent / max(1, within) * 1000, 1),
        "web_cpu_share_of_a_core": round(spent / elapsed, 2),
    }


def ways(stack: Stack) -> dict[str, Any]:
    told = json.loads(stack.query(WAYS, within_s=900))
    return {
        name: {"queries": row["queries"], "cpu_ms": quantiles(row["ms"])}
        for name, row in sorted(told.items())
    }


def populate(stack: Stack, submissions: int, teams: int) -> float:
    before = time.monotonic()
    subprocess.run(
        [
            sys.executable,
            "manage.py",
            "populate",
            "--beside",
            f"--submissions={submissions}",
            f"--teams={teams}",
        ],
        cwd=ROOT,
        env=stack.environment,
        check=True,
        stdout=sys.stderr,
    )
    return time.monotonic() - before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--submissions", type=int, default=132_000)
    parser.add_argument("--teams", type=int, default=9_000)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long people hand in")
    options = parser.parse_args()
    if options.postgres:
        start_cluster()
    # The pools' hosts are not there; what is handed in waits.
    with tempfile.TemporaryDirectory(prefix="podium-load-") as folder, running_stack(Path(folder)) as stack:
        agent = stack.pid("agent")
        os.kill(agent, signal.SIGSTOP)
        try:
            result: dict[str, Any] = {
                "database": "PostgreSQL" if options.postgres else "SQLite",
                "submissions": options.submissions,
                "teams": options.teams,
                "populate_s": round(populate(stack, options.submissions, options.teams)),
                "load_before": os.getloadavg(),
                "uploads": uploads(stack, options.seconds),
                "ways": ways(stack),
                "load_after": os.getloadavg(),
            }
        finally:
            os.kill(agent, signal.SIGCONT)
    slow = [name for name, row in result["ways"].items() if row["cpu_ms"]["p95"] > P95_MS]
    json.dump(result | {"slow": slow}, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return int(bool(slow or result["uploads"]["refused"]))


if __name__ == "__main__":
    sys.exit(main())
