"""The publisher: ranks each board that moved and tells its spectators what changed, at most once a second a board.

Theory of operation. `board.version` in the database says that a board moved; a message on `boards:moved` only says
it sooner. One publisher works at a time: it holds a lease in the broker, which is also where its words go, so a
publisher without the lease has nobody to speak to. It remembers the rows it last told; a delta holds the rows of
the visible top that differ. A delta that would not fit in 4 KB, and the first word after a start, is a bare tick
`{"v": N}`: spectators then fetch the page. It reads the public audience only, never a private score.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.db import DatabaseError, connection
from redis import Redis
from redis.exceptions import RedisError

from leaderboard import boards
from leaderboard.models import Board
from leaderboard.wake import CHANNEL
from live.publish import Publisher

log = structlog.get_logger(__name__)
PERIOD_S = 1.0
LEASE_KEY = "publisher:lease"
LEASE_MS = 10_000
MAX_DATA = 4096

Cells = list[Any]  # [team_id, rank, name, score, submissions, last_improved_at]

# Only the holder may renew: compare and extend in one step.
_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""


def cells(row: boards.Row) -> Cells:
    return [row.team_id, row.rank, row.name, row.score, row.submissions, row.last_improved_at.isoformat()]


def delta(before: dict[int, Cells] | None, after: dict[int, Cells], version: int) -> dict[str, Any]:
    """What leads from the rows told last to the rows now; a bare tick when that is unknown or too long."""
    if before is None:
        return {"v": version}
    data = {
        "v": version,
        "changed": [row for team, row in after.items() if before.get(team) != row],
        "removed": [team for team in before if team not in after],
    }
    return data if len(json.dumps(data)) <= MAX_DATA else {"v": version}


class BoardPublisher:
    """Publishes the public boards. `step` does one look; `run` looks until told to stop."""

    def __init__(self, redis_url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = Redis.from_url(redis_url, socket_timeout=3, socket_connect_timeout=1)
        self._publish = Publisher.from_url(redis_url)
        self._renew = self._redis.register_script(_RENEW)
        self._me = secrets.token_hex(8)
        self._clock = clock
        self._told: dict[int, tuple[str, dict[int, Cells]]] = {}
        self._told_at: dict[int, float] = {}

    def holds_lease(self) -> bool:
        if self._redis.set(LEASE_KEY, self._me, nx=True, px=LEASE_MS):
            return True
        return bool(self._renew(keys=[LEASE_KEY], args=[self._me, LEASE_MS]))

    def step(self) -> float:
        """Publish what is due; returns the seconds until something held back for pacing is due."""
        if not self.holds_lease():
            self._told.clear()  # another publisher speaks now: what we told last is no longer what was told last
            return PERIOD_S
        due_in = PERIOD_S
        for board in Board.objects.filter(
            audience=Board.Audience.PUBLIC, version__gt=0, phase__contest__published=True
        ):
            told = self._told.get(board.pk)
            if told is not None and told[0] == board.event_id:
                continue
            wait = self._told_at.get(board.pk, -PERIOD_S) + PERIOD_S - self._clock()
            if wait > 0:
                due_in = min(due_in, wait)
            else:
                self._tell(board)
        return due_in

    def _tell(self, board: Board) -> None:
        after = {row.team_id: cells(row) for row in boards.rows(board)}
        told = self._told.get(board.pk)
        same_epoch = told is not None and told[0].split("-")[0] == str(board.epoch)
        data = delta(told[1] if told is not None and same_epoch else None, after, board.version)
        if self._publish.publish(board.topic, board.epoch, board.version, "board", data):
            self._told[board.pk] = (board.event_id, after)
            self._told_at[board.pk] = self._clock()

    def run(self, stopping: Callable[[], bool]) -> None:
        while not stopping():
            try:
                self._listen(stopping)
            except (RedisError, OSError) as error:
                log.warning("the broker is away; boards are not pushed", error=str(error))
                self._told.clear()
                time.sleep(PERIOD_S)
            except DatabaseError as error:
                log.warning("the database is away; boards are not pushed", error=str(error))
                connection.close()  # the next look opens another
                time.sleep(PERIOD_S)

    def _listen(self, stopping: Callable[[], bool]) -> None:
        with self._redis.pubsub(ignore_subscribe_messages=True) as bell:  # type: ignore[no-untyped-call]
            bell.subscribe(CHANNEL)
            while not stopping():
                due_in = self.step()
                bell.get_message(timeout=due_in)
                while bell.get_message(timeout=0) is not None:
                    pass  # many moves, one look

    def close(self) -> None:
        """Give the lease up, so that the next publisher need not wait for it to run out."""
        try:
            if self._redis.get(LEASE_KEY) == self._me.encode():
                self._redis.delete(LEASE_KEY)
        except (RedisError, OSError):
            log.info("the lease runs out by itself")
