"""Whose turn it is: start-time fair queueing over contests, and inside each over its contestants. Pure.

Theory of operation. This is the SFQ of Goyal, Vin and Cheng ("Start-time Fair Queueing", SIGCOMM 1996), twice: a pool
shares its slots among contests by their weights, and a contest its share among its contestants equally. Each of them
has a virtual time up to which it has been served, its `finish`. Whoever would start earliest goes next:

    start  = max(clock, finish)            clock: the start of what was handed out last
    finish = start + seconds / weight

The clock is what keeps a newcomer from being served alone until it has caught up with hours that others used before it
came, and a contestant's backlog of a thousand from making anybody wait: each turn moves its owner's start behind the
others'. Nothing is known of how long a program will run, so a turn is charged QUANTUM_S when it is handed out and the
difference to what it took when it ends (judge.fairness); until then a run that lasts longer counts with the time it has
taken. So contests share time on the slots, not numbers of runs: one of ten-hour runs does not crowd out one of seconds.
Of a debt of more than FORGIVEN_S the rest is forgiven: it bounds how long anybody waits for others to catch up, as with
a contest that had the pool for itself all night.

What an organiser prefers goes first in its contest's own share: it takes the contest's next turn, whoever's that was,
and no other contest's. It is charged to whoever handed it in, who waits the longer with what follows.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

QUANTUM_S = 60.0
FORGIVEN_S = 3600.0

Key = tuple[int | None, int]  # a contest, and a contestant in it
# Whether it is not preferred, the virtual start, the oldest, whose it is, how many wait, and how far apart they came.
_Queued = tuple[bool, float, float, int, int, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Backlog:
    """What a contestant has waiting. Of those who would start at the same virtual time what came first goes first.

    What lies between the oldest and the newest is taken to have come evenly.
    """

    contest: int | None
    contestant: int
    waiting: int
    oldest: float
    weight: int = 1
    newest: float = 0.0
    preferred: bool = False  # of a contestant with both kinds there are two of these

    @property
    def key(self) -> Key:
        return self.contest, self.contestant

    @property
    def apart(self) -> float:
        return max(0.0, self.newest - self.oldest) / max(1, self.waiting - 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Served:
    """Up to where contests and contestants have been served, and the clocks they start by."""

    clock: float = 0.0
    clocks: Mapping[int | None, float] = dataclasses.field(default_factory=dict)  # of a contest's contestants
    contests: Mapping[int | None, float] = dataclasses.field(default_factory=dict)
    contestants: Mapping[Key, float] = dataclasses.field(default_factory=dict)


def start(finish: float, clock: float) -> float:
    return max(clock, min(finish, clock + FORGIVEN_S))


def order(backlogs: Iterable[Backlog], served: Served) -> Iterator[Key]:
    """Who is served next, and after that, and so on, until nothing waits: each key as often as it has jobs."""
    inside, weights = _inside(list(backlogs), served)
    heap: list[tuple[float, float, int, int | None]] = []
    for contest, queue in inside.items():
        heapq.heapify(queue)
        own = start(served.contests.get(contest, 0.0), served.clock)
        heap.append((own, queue[0][2], contest or 0, contest))
    heapq.heapify(heap)
    while heap:
        own, _, number, contest = heap[0]
        queue = inside[contest]
        rest, theirs, since, contestant, waiting, apart = queue[0]
        yield contest, contestant
        if waiting > 1:
            left = (rest, theirs + QUANTUM_S, since + apart, contestant, waiting - 1, apart)
            heapq.heapreplace(queue, left)
        else:
            heapq.heappop(queue)
        if queue:
            heapq.heapreplace(heap, (own + QUANTUM_S / weights[contest], queue[0][2], number, contest))
        else:
            heapq.heappop(heap)


def _inside(
    backlogs: list[Backlog], served: Served
) -> tuple[dict[int | None, list[_Queued]], dict[int | None, int]]:
    """What waits in each contest, by whether it is not preferred, and then by whose turn it is; and their weights."""
    inside: dict[int | None, list[_Queued]] = defaultdict(list)
    weights: dict[int | None, int] = {}
    preferred = Counter({each.key: each.waiting for each in backlogs if each.preferred})
    for each in backlogs:
        finish = served.contestants.get(each.key, 0.0)
        own = start(finish, served.clocks.get(each.contest, 0.0))
        if not each.preferred:
            own += QUANTUM_S * preferred[each.key]
        queued = (not each.preferred, own, each.oldest, each.contestant, each.waiting, each.apart)
        inside[each.contest].append(queued)
        weights[each.contest] = max(1, each.weight)
    return inside, weights


def first(backlogs: Iterable[Backlog], served: Served, count: int) -> list[tuple[Key, int]]:
    """The next `count`, each with which of its owner's jobs it is, from 0."""
    taken: Counter[Key] = Counter()
    found: list[tuple[Key, int]] = []
    for key in order(backlogs, served):
        if len(found) == count:
            break
        found.append((key, taken[key]))
        taken[key] += 1
    return found


def place(backlogs: Iterable[Backlog], served: Served, key: Key, number: int) -> int | None:
    """In which place, from 1, the job is that is its owner's `number`th, from 0; None when it does not wait."""
    seen = 0
    for index, each in enumerate(order(backlogs, served), start=1):
        if each == key:
            if seen == number:
                return index
            seen += 1
    return None
