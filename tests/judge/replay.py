"""A pool whose hours pass in milliseconds: the queue's own order (judge.turns) over recorded or made-up jobs.

Slots, arrivals and how long each job runs are given; who goes next is decided by the code that decides it on a site,
and what a turn is charged is what judge.fairness charges.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence

from judge import turns
from judge.turns import QUANTUM_S, Backlog, Key, Served


@dataclasses.dataclass(slots=True)
class Task:
    """One job of a replay. `started` and `ended` are found out."""

    contest: int
    contestant: int
    arrives: float
    lasts: float
    started: float = -1.0
    ended: float = -1.0

    @property
    def key(self) -> Key:
        return self.contest, self.contestant


@dataclasses.dataclass(slots=True)
class Replay:
    tasks: Sequence[Task]
    slots: int = 1
    weights: dict[int, int] = dataclasses.field(default_factory=dict)
    seen: Callable[[Replay, Task], None] | None = None  # called when a task has arrived
    now: float = 0.0
    waiting: dict[Key, list[Task]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    running: list[tuple[float, int, Task]] = dataclasses.field(default_factory=list)
    ended: list[Task] = dataclasses.field(default_factory=list)
    clock: float = 0.0
    clocks: dict[int | None, float] = dataclasses.field(default_factory=lambda: defaultdict(float))
    contests: dict[int | None, float] = dataclasses.field(default_factory=lambda: defaultdict(float))
    contestants: dict[Key, float] = dataclasses.field(default_factory=lambda: defaultdict(float))

    def go(self, until: float = float("inf")) -> Replay:
        coming = sorted(self.tasks, key=lambda task: task.arrives)
        coming.reverse()
        while coming or self.running:
            arrives = coming[-1].arrives if coming else float("inf")
            ends = self.running[0][0] if self.running else float("inf")
            self.now = min(arrives, ends)
            if self.now > until:
                break
            if ends <= arrives:
                self._end(heapq.heappop(self.running)[2])
            else:
                task = coming.pop()
                self.waiting[task.key].append(task)
                if self.seen is not None:
                    self.seen(self, task)
            while len(self.running) < self.slots and any(self.waiting.values()):
                self._hand_out(next(turns.order(self.backlogs(), self.served())))
        return self

    def weight(self, contest: int) -> int:
        return self.weights.get(contest, 1)

    def backlogs(self) -> list[Backlog]:
        return [
            Backlog(key[0], key[1], len(tasks), tasks[0].arrives, self.weight(key[0] or 0))
            for key, tasks in self.waiting.items()
            if tasks
        ]

    def served(self) -> Served:
        contests, contestants = dict(self.contests), dict(self.contestants)
        for _, _, task in self.running:
            more = max(0.0, self.now - task.started - QUANTUM_S)
            contests[task.contest] += more / self.weight(task.contest)
            contestants[task.key] += more
        return Served(self.clock, dict(self.clocks), dict(contests), dict(contestants))

    def _hand_out(self, key: Key) -> None:
        task, served = self.waiting[key].pop(0), self.served()
        own = turns.start(served.contests.get(task.contest, 0.0), self.clock)
        inside = turns.start(served.contestants.get(key, 0.0), self.clocks[task.contest])
        settled = turns.start(self.contests[task.contest], self.clock)
        self.contests[task.contest] = settled + QUANTUM_S / self.weight(task.contest)
        self.contestants[key] = turns.start(self.contestants[key], self.clocks[task.contest]) + QUANTUM_S
        self.clock, self.clocks[task.contest] = max(self.clock, own), max(self.clocks[task.contest], inside)
        task.started = self.now
        heapq.heappush(self.running, (self.now + task.lasts, id(task), task))

    def _end(self, task: Task) -> None:
        task.ended = self.now
        self.ended.append(task)
        more = task.lasts - QUANTUM_S
        self.contests[task.contest] += more / self.weight(task.contest)
        self.contestants[task.key] += more

    def time_of(self, contest: int, until: float) -> float:
        """Slot seconds that a contest has had until then."""
        had = (min(task.started + task.lasts, until) - task.started for task in self.tasks
               if task.contest == contest and 0 <= task.started < until)  # fmt: skip
        return sum(had)
