"""Who hands in how often, and what comes of it: drawn from a seed, so that the same seed makes the same site. Pure."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

from runners.verdict import Verdict

# In a contest that drew thousands, most try a few times and some hundreds of times.
TAIL = 1.1
MOST = 900
SCORED = 0.87
FAILURES = (
    (Verdict.RUNTIME_ERROR, 6),
    (Verdict.INVALID_OUTPUT, 3),
    (Verdict.TIME_LIMIT_EXCEEDED, 2),
    (Verdict.MEMORY_LIMIT_EXCEEDED, 1),
    (Verdict.CANCELLED, 1),
)
PROGRAMS = 0.6  # the others are files of predictions


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One submission to be: the team's number, what it hands in, how it ends and how well."""

    team: int
    program: bool
    verdict: Verdict
    public: float
    private: float
    wall_s: float


def sizes(teams: int, dice: random.Random) -> list[int]:
    """How many people each team has: nearly all are alone."""
    return dice.choices((1, 2, 3, 5), weights=(88, 7, 3, 2), k=teams)


def order(teams: int, submissions: int, dice: random.Random) -> list[int]:
    """Whose turn it is, submission by submission: every team at least once where there are enough."""
    eager = [min(MOST, dice.paretovariate(TAIL)) for _ in range(teams)]
    turns = list(range(min(teams, submissions)))
    turns += dice.choices(range(teams), weights=eager, k=submissions - len(turns))
    dice.shuffle(turns)
    return turns


def attempts(turns: list[int], dice: random.Random) -> Iterator[Attempt]:
    """Teams get better as they go, each as far as its talent leads."""
    talent: dict[int, float] = {}
    verdicts, weights = [verdict for verdict, _ in FAILURES], [weight for _, weight in FAILURES]
    for team in turns:
        best = talent.setdefault(team, dice.betavariate(8, 3))
        public = max(0.0, min(1.0, dice.gauss(best - 0.03, 0.03)))
        yield Attempt(
            team=team,
            program=dice.random() < PROGRAMS,
            verdict=Verdict.SCORED if dice.random() < SCORED else dice.choices(verdicts, weights)[0],
            public=public,
            private=max(0.0, min(1.0, public + dice.gauss(0, 0.01))),
            wall_s=dice.lognormvariate(3.0, 1.0),
        )
