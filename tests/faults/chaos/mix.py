"""The known mix: what contestants hand in, and the one verdict and score that each must be given.

Everything here is deterministic but for its timing. `storm` is a contest of its own with a quota; what must run out of
time goes to `hasty` of tests.stack_seed, whose wall limit is two seconds. `crowded` takes few at once and few a day.
What is to end CANCELLED its contestant calls back: what waits for ever, and what runs for long.
"""

from __future__ import annotations

import dataclasses
import io
import json
import random
import zipfile
from typing import Any

from runners.verdict import Verdict

CONTEST, HASTY, CROWDED = "storm", "hasty", "crowded"
CROWD, PENDING, DAILY = 5, 2, 3  # handed in at once, taken at once, taken a day
UNREADY = "fortran"  # an environment that no host has
ROWS = 16
LABELS = [int((row * 7 % ROWS) / ROWS > 0.5) for row in range(ROWS)]
PUBLIC = [row for row in range(ROWS) if row % 2]
TEST = "id,x\n" + "".join(f"{row},{(row * 7 % ROWS) / ROWS:.4f}\n" for row in range(ROWS))
SOLUTION = "id,target,Usage\n" + "".join(
    f"{row},{LABELS[row]},{'Public' if row % 2 else 'Private'}\n" for row in range(ROWS)
)
ALL_ZERO = sum(LABELS[row] == 0 for row in PUBLIC) / len(PUBLIC)
WRITE = """
import csv
rows = list(csv.DictReader(open("/input/test.csv")))
with open("/output/submission.csv", "w") as file:
    file.write("id,target\\n" + "".join(f"{row['id']},{int(float(row['x']) > 0.5)}\\n" for row in rows))
"""
SLOW = "import time\nfor n in range(15):\n    print('step', n, flush=True)\n    time.sleep(0.1)\n" + WRITE
MODEL = "import pathlib\npathlib.Path('/model/threshold').write_text('0.5')\n"
BY_MODEL = WRITE.replace("> 0.5", "> float(open('/model/threshold').read())")


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One kind of upload. `score` is the public one of a SCORED one."""

    name: str
    filename: str
    content: bytes
    verdict: Verdict
    score: float | None = None
    contest: str = CONTEST
    environment: str = ""
    weight: int = 1


def _predictions(labels: list[int]) -> bytes:
    return ("id,target\n" + "".join(f"{row},{label}\n" for row, label in enumerate(labels))).encode()


def _notebook(source: str) -> bytes:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}).encode()


def _project(train: str, predict: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("train.py"), train)  # the same bytes each time
        archive.writestr(zipfile.ZipInfo("predict.py"), predict)
    return out.getvalue()


MIX = (
    Entry("right", "p.csv", _predictions(LABELS), Verdict.SCORED, 1.0, weight=6),
    Entry("zeros", "p.csv", _predictions([0] * ROWS), Verdict.SCORED, ALL_ZERO, weight=4),
    Entry("short", "p.csv", _predictions(LABELS[:-1]), Verdict.INVALID_OUTPUT, weight=2),
    Entry("script", "main.py", WRITE.encode(), Verdict.SCORED, 1.0, weight=6),
    Entry("slow", "main.py", SLOW.encode(), Verdict.SCORED, 1.0, weight=6),
    Entry("crash", "main.py", b"raise ValueError('no')\n", Verdict.RUNTIME_ERROR, weight=3),
    Entry("silent", "main.py", b"print('nothing')\n", Verdict.NO_OUTPUT, weight=2),
    Entry(
        "hungry",
        "main.py",
        b"x = []\nwhile True: x.append(b'x' * 10**7)\n",
        Verdict.MEMORY_LIMIT_EXCEEDED,
        weight=2,
    ),
    Entry("endless", "main.py", b"while True: pass\n", Verdict.TIME_LIMIT_EXCEEDED, contest=HASTY, weight=2),
    Entry("notebook", "n.ipynb", _notebook(WRITE), Verdict.SCORED, 1.0, weight=2),
    Entry(
        "project",
        "p.zip",
        _project(MODEL, BY_MODEL),
        Verdict.SCORED,
        1.0,
        weight=2,
    ),
)
CALLED_BACK = (
    Entry("unready", "main.py", WRITE.encode(), Verdict.CANCELLED, environment=UNREADY),
    Entry("asleep", "main.py", b"import time\ntime.sleep(110)\n", Verdict.CANCELLED),
)
IN_A_CROWD = (
    dataclasses.replace(CALLED_BACK[0], name="unready in a crowd", contest=CROWDED),
    dataclasses.replace(MIX[0], name="right in a crowd", contest=CROWDED),
)
BY_NAME = {entry.name: entry for entry in (*MIX, *CALLED_BACK, *IN_A_CROWD)}


def plan(chance: random.Random, quota: int) -> list[Entry]:
    """What one contestant hands in: `quota` for the contest with a limit, some of it to be called back, and others.

    What is called back before it starts costs nothing: a few more fill the quota then.
    """
    limited = [entry for entry in MIX if entry.contest == CONTEST]
    back = [*CALLED_BACK, *[chance.choice(CALLED_BACK) for _ in range(quota // 8 - 1)]]
    taken = chance.choices(limited, [entry.weight for entry in limited], k=quota - len(back))
    for other in (*back, *[BY_NAME["endless"]] * (1 + quota // 12)):
        taken.insert(chance.randrange(len(taken) + 1), other)
    return taken
