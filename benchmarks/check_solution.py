"""How long the check of a task takes, by the size of its solution. `python -m benchmarks.check_solution`

Makes a task whose solution, test set and training set have 1,000 and 100,000 rows, without mistakes and with one in
every tenth row of the solution, and checks each in two ways: the checker program alone, by the scoring environment's
interpreter outside any sandbox, and the whole way of the real stack (tests.stack), as the admin's button does it, from
the start of the check until it is GREEN or RED. Prints JSON: the quickest of the rounds, and the ratio of the two.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from metrics import bundle
from runners.environments import definitions
from tests.stack import ENVIRONMENTS, Stack, running_stack

SIZES = (1_000, 100_000)
ROUNDS = 3
MAKE = """
from pathlib import Path
from contests.models import TaskVersion
from tests import builders
for folder in sorted(Path({folder!r}).iterdir()):
    files = {{path.name: path.read_bytes() for path in sorted((folder / "public").iterdir())}}
    contest = builders.make_contest(folder.name, files=files, solution=(folder / "solution.csv").read_bytes())
    made = TaskVersion.objects.get(task__phase__contest=contest)
    like = TaskVersion.objects.get(task__phase__contest__slug="tiny")
    made.environment, made.scoring_environment = like.environment, like.scoring_environment
    made.save()
    made.environments.set([like.environment])
builders.make_user("organiser", staff=True)
"""
CHECK = """
import json, time
from accounts.models import User
from contests.models import TaskVersion
from judge import checking
version = TaskVersion.objects.get(task__phase__contest__slug={slug!r})
check = checking.start(version, User.objects.get(username="organiser"))
while check.status not in check.ENDED:
    time.sleep(0.02)
    check.refresh_from_db()
seconds = (check.finished_at - check.created_at).total_seconds()
print(json.dumps([check.status, len(check.findings), seconds]))
"""


def write(folder: Path, rows: int, *, mistakes: bool) -> None:
    """A task as an organiser uploads it. A mistake is a label that is missing."""
    (folder / "public").mkdir(parents=True)
    x = [(row * 7919 % rows) / rows for row in range(rows)]
    label = ["" if mistakes and row % 10 == 0 else str(int(x[row] > 0.5)) for row in range(rows)]
    usage = ["Public" if row % 3 else "Private" for row in range(rows)]
    tables = {
        "solution.csv": ("id,target,Usage", [f"t{r},{label[r]},{usage[r]}" for r in range(rows)]),
        "public/sample_submission.csv": ("id,target", [f"t{r},0" for r in range(rows)]),
        "public/test.csv": ("id,x,y", [f"t{r},{x[r]:.6f},{1 - x[r]:.6f}" for r in range(rows)]),
        "public/train.csv": ("id,x,y,target", [f"a{r},{x[r]:.6f},0,{int(x[r] > 0.5)}" for r in range(rows)]),
    }
    for name, (header, lines) in tables.items():
        (folder / name).write_text("\n".join([header, *lines]) + "\n")
    scoring = {"metric": "accuracy", "params": {}, "id_column": "id", "target_columns": ["target"]}
    files = sorted(path.name for path in (folder / "public").iterdir())
    plan = {"scoring": scoring, "files": files, "takes_predictions": True}
    (folder / "check.json").write_text(json.dumps(plan))


def bare_s(folder: Path) -> float:
    program, output = folder.parent.parent / "checker.pyz", folder.parent.parent / "output"
    program.write_bytes(bundle.build_zipapp("checker"))
    output.mkdir(exist_ok=True)
    python = definitions()["scoring"].directory(ENVIRONMENTS) / "bin" / "python"
    began = time.perf_counter()
    subprocess.run([python, "-I", program, folder, output], check=True)
    return time.perf_counter() - began


def whole_way(stack: Stack, slug: str) -> tuple[str, int, float]:
    status, findings, seconds = json.loads(stack.query(CHECK.format(slug=slug)))
    return status, findings, seconds


def measure(stack: Stack, tasks: Path) -> dict[str, Any]:
    stack.query(MAKE.format(folder=str(tasks)))
    result: dict[str, Any] = {}
    for folder in sorted(tasks.iterdir()):
        bare, whole = [], []
        for _ in range(ROUNDS):
            bare.append(bare_s(folder))
            status, findings, seconds = whole_way(stack, folder.name)
            whole.append(seconds)
        result[folder.name] = {
            "status": status,
            "findings": findings,
            "checker_s": round(min(bare), 2),
            "whole_way_s": round(min(whole), 2),
            "ratio": round(min(whole) / min(bare), 1),
        }
    return result


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as name:
        folder = Path(name)
        for rows in SIZES:
            write(folder / "tasks" / f"good-{rows}", rows, mistakes=False)
            write(folder / "tasks" / f"wrong-{rows}", rows, mistakes=True)
        with running_stack(folder) as stack:
            result = measure(stack, folder / "tasks")
    json.dump(result | {"load_average": round(os.getloadavg()[0], 1)}, sys.stdout, indent=2)
    sys.stdout.write("\n")
    right = {"good": "GREEN", "wrong": "RED"}
    return int(
        any(row["status"] != right[slug.partition("-")[0]] for slug, row in result.items() if "-" in slug)
    )


if __name__ == "__main__":
    sys.exit(main())
