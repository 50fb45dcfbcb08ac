"""201 -> score on the board, split by stage, beside the bare script. `python -m benchmarks.submission_stages`

Runs the real stack (tests.stack) and hands in, one after another, a script that only writes its predictions. For
each it takes the time from the 201 to the moment the board's version shows it (polled each 5 ms, so the
figure includes the poll), and the stages the site and the agent recorded. Beside it: the same script run bare, by
the same interpreter, outside any sandbox. Prints JSON; look at the ratios, the host is noisy.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from runners.environments import definitions
from tests.stack import ENVIRONMENTS, Stack, running_stack

ROUNDS = 20
SCRIPT = """
import csv
with open(INPUT) as source, open(OUTPUT, "w") as target:
    target.write("id,target\\n")
    for row in csv.DictReader(source):
        target.write(f"{row['id']},{int(float(row['x']) > 0.5)}\\n")
"""
STAGES = """
import json
from judge.models import Job
from contests.models import Submission
from django.utils import timezone
rows = []
for identifier in {ids!r}:
    made = Submission.objects.get(pk=identifier)
    row = {{}}
    for job in Job.objects.filter(run__submission=made):
        row[job.kind] = dict(
            wait_ms=(job.claimed_at - job.queued_at).total_seconds() * 1000,
            job_ms=(job.finished_at - job.claimed_at).total_seconds() * 1000,
            **job.stages,
        )
    rows.append(row)
print(json.dumps(rows))
"""


def bare_ms(folder: Path) -> float:
    program = folder / "bare.py"
    program.write_text(
        SCRIPT.replace("INPUT", repr(str(folder / "test.csv"))).replace(
            "OUTPUT", repr(str(folder / "out.csv"))
        )
    )
    python = definitions()["python"].directory(ENVIRONMENTS) / "bin" / "python"
    began = time.perf_counter()
    subprocess.run([str(python), str(program)], check=True)
    return (time.perf_counter() - began) * 1000


def to_board_ms(stack: Stack, client: httpx.Client, number: int, script: str = SCRIPT) -> tuple[str, float]:
    content = (
        script.replace("INPUT", '"/input/test.csv"').replace("OUTPUT", '"submission.csv"') + f"# {number}\n"
    )
    url = "/api/v1/contests/tiny/leaderboard/"
    before = client.get(url).json()["version"]
    identifier = stack.submit(content.encode())
    began = time.perf_counter()
    while client.get(url).json()["version"] == before:
        if time.perf_counter() - began > 30:
            raise TimeoutError(stack.submission(identifier))
        time.sleep(0.005)
    return identifier, (time.perf_counter() - began) * 1000


def middle(rows: list[dict[str, dict[str, float]]], kind: str) -> dict[str, float]:
    return {name: round(statistics.median(row[kind][name] for row in rows), 1) for name in rows[0][kind]}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder, running_stack(Path(folder)) as stack:
        with stack.client() as client:
            test = client.get("/api/v1/contests/tiny/data/test.csv").content
            (Path(folder) / "test.csv").write_bytes(test)
            to_board_ms(stack, client, -1)  # fills the agent's cache, as a contest's first submission does
            measured, bare = [], []
            for number in range(ROUNDS):
                measured.append(to_board_ms(stack, client, number))
                bare.append(bare_ms(Path(folder)))
        rows = json.loads(stack.query(STAGES.format(ids=[identifier for identifier, _ in measured])))
    times = sorted(ms for _, ms in measured)
    result = {
        "rounds": ROUNDS,
        "to_board_ms": {"p50": round(statistics.median(times), 1), "max": round(times[-1], 1)},
        "bare_script_ms": {"p50": round(statistics.median(bare), 1)},
        "ratio_p50": round(statistics.median(times) / statistics.median(bare), 1),
        "run_job_ms": middle(rows, "run"),
        "score_job_ms": middle(rows, "score"),
    }
    json.dump(result, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
