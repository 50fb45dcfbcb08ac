"""201 -> score on the board, split by stage, beside the bare script. `python -m benchmarks.submission_stages`

Runs the real stack (tests.stack) and hands in, one after another, a script that only writes its predictions. For
each it takes the time from the 201 to the moment the board's version has moved, and the stages the site and the
agent recorded. The version is read from the database beside the site, each 2 ms: asked of the site as often, it would
be the site's main work, and the figure that of the asking. Beside it: the same script run bare, by the same
interpreter, outside any sandbox. Prints JSON; look at the ratios, the host is noisy.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
import contextlib
import json
import sqlite3
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


def board_version(database: sqlite3.Connection) -> int:
    """Asked of the file, not of the site: a request each few milliseconds would be the site's main work."""
    found: int = database.execute("select max(version) from leaderboard_board").fetchone()[0]
    return found


def to_board_ms(stack: Stack, number: int, script: str = SCRIPT) -> tuple[str, float]:
    content = (
        script.replace("INPUT", '"/input/test.csv"').replace("OUTPUT", '"submission.csv"') + f"# {number}\n"
    )
    with contextlib.closing(
        sqlite3.connect(f"file:{stack.var}/podium.sqlite3?mode=ro", uri=True)
    ) as database:
        before = board_version(database)
        identifier = stack.submit(content.encode())
        began = time.perf_counter()
        while board_version(database) == before:
            if time.perf_counter() - began > 30:
                raise TimeoutError(stack.submission(identifier))
            time.sleep(0.002)
    return identifier, (time.perf_counter() - began) * 1000


def middle(rows: list[dict[str, dict[str, float]]], kind: str) -> dict[str, float]:
    return {name: round(statistics.median(row[kind][name] for row in rows), 1) for name in rows[0][kind]}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder, running_stack(Path(folder)) as stack:
        with stack.client() as client:
            test = client.get("/api/v1/contests/tiny/data/test.csv").content
            (Path(folder) / "test.csv").write_bytes(test)
            to_board_ms(stack, -1)  # fills the agent's cache, as a contest's first submission does
            measured, bare = [], []
            for number in range(ROUNDS):
                measured.append(to_board_ms(stack, number))
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
