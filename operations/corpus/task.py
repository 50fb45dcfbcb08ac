"""The built-in task that every case is judged on: tell whether x is above zero.

/input/train.csv has id, x and target; /input/test.csv has id and x of 100 rows, r000 to r099; the sample submission
says 0 for all of them. The metric is accuracy, and the right answer for every row is a matter of one comparison.
Where features are hidden, the public test.csv has the same ids and other values, and the true ones are seen only beside
a withheld log.
"""

from __future__ import annotations

import dataclasses
import random
import secrets

from operations.corpus.canaries import LABELS, Canaries

ROWS = 100
TRAIN_ROWS = 200
FEATURES_WATCHED = 6  # hidden values that are looked for in what contestants see
IDS = tuple(f"r{row:03d}" for row in range(ROWS))
# Handed in before and after the cases: its score must not change.
BENIGN = b"""import csv

with open("/input/test.csv") as source, open("/output/submission.csv", "w") as target:
    target.write("id,target\\n")
    for row in csv.DictReader(source):
        target.write(f"{row['id']},{int(float(row['x']) > 0)}\\n")
print("done")
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Data:
    """The task's files by name. The ones of `hidden` stand in for public files of their names."""

    public: dict[str, str]
    solution: str
    hidden_public: dict[str, str]
    hidden: dict[str, str]
    hidden_solution: str


def draw_features() -> tuple[str, ...]:
    """Values with fifteen random digits: one of them in a contestant's hands is no chance."""
    return tuple(f"{secrets.choice('+-')}0.{secrets.randbelow(10**15) + 1:015d}".lstrip("+") for _ in IDS)


def watched(features: tuple[str, ...]) -> tuple[str, ...]:
    """The digits of some hidden values, as any way of printing them keeps them."""
    return tuple(value.lstrip("-").removeprefix("0.")[1:13] for value in features[:FEATURES_WATCHED])


def make(canaries: Canaries, features: tuple[str, ...]) -> Data:
    # The public files are the same in every run: a seeded, well-known series.
    chance = random.Random(4)  # noqa: S311 - test data, no secret
    train = [f"{chance.uniform(-1, 1):.6f}" for _ in range(TRAIN_ROWS)]
    test = [f"{chance.uniform(-1, 1):.6f}" for _ in IDS]
    other = [f"{chance.uniform(-1, 1):.6f}" for _ in IDS]
    sample = "id,target\n" + "".join(f"{row},0\n" for row in IDS)
    trained = "id,x,target\n" + "".join(f"t{n:03d},{x},{int(float(x) > 0)}\n" for n, x in enumerate(train))
    public = {"train.csv": trained, "test.csv": _test(test), "sample_submission.csv": sample}
    return Data(
        public=public,
        solution=_solution(test, canaries),
        hidden_public=public | {"test.csv": _test(other)},
        hidden={"test.csv": _test(features)},
        hidden_solution=_solution(features, canaries),
    )


def _test(values: list[str] | tuple[str, ...]) -> str:
    return "id,x\n" + "".join(f"{row},{x}\n" for row, x in zip(IDS, values, strict=True))


def _solution(values: list[str] | tuple[str, ...], canaries: Canaries) -> str:
    """Every second row is public. A column that the scorer leaves alone holds the token of the labels."""
    rows = "".join(
        f"{row},{int(float(x) > 0)},{'Private' if n % 2 else 'Public'},{canaries.tokens[LABELS]}\n"
        for n, (row, x) in enumerate(zip(IDS, values, strict=True))
    )
    return f"id,target,Usage,note\n{rows}"
