"""An attempt's heartbeat: renews the lease, carries log and usage, brings back "cancel" and "not yours any more".

Theory of operation. One thread for each attempt, from the claim to the finish's answer, so that a slow download or
upload loses no lease. It sends when a heartbeat is due, soon after the log has grown, and every POINTS_GAP_S while
there are new points of the usage curve: they come ever more rarely (runners.usage), so watching a run live
costs at most a few hundred calls however long it is. Where log and curve go on is never remembered here: the
site's answer says how much of each it has, which makes a lost answer, a repeated call and a restarted agent the same
case. An unreachable site changes nothing: the run goes on, the thread tries again. After the run `send_rest`
sends what is left from the slot's own thread, while this one beats on: one exchange at a time, whoever makes it.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from runners.agent.site import LOG_CHUNK, Backoff, Rejected, Site, Stale, Told, Unreachable, patiently
from runners.spec import JobSpec
from runners.usage import POINTS_A_CALL, UsagePoint

log = structlog.get_logger()

LOOK_S = 0.1  # how often the log's size is looked at
LOG_GAP_S = 0.25  # between two calls that carry log, so that a line at a time is not a call at a time
POINTS_GAP_S = 2.0  # between two calls that carry nothing but points of the curve
HEARD_BEATS = 3  # a site that answered none of so many is away
MAX_STUCK = 3  # answers that take no byte, after which the rest of a log is given up


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """What the sandbox of an attempt tells about itself: its log, what it uses now, its curve from a number on."""

    log: Path
    usage: Callable[[], dict[str, float]]
    points: Callable[[int], list[UsagePoint]]


class Heart(threading.Thread):
    """Beats until stopped. `interrupt` is called when `stale` or `cancel` becomes set."""

    def __init__(
        self,
        site: Site,
        spec: JobSpec,
        watched: Watched,
        interrupt: Callable[[], None],
    ) -> None:
        super().__init__(name=f"heart-{spec.job_id}", daemon=True)
        self.stale = threading.Event()
        self.cancel = threading.Event()
        self.offset = 0  # bytes of the log the site has
        self.points = 0  # of the curve the site has
        self._site, self._spec, self._watched, self._interrupt = site, spec, watched, interrupt
        self._stopping = threading.Event()
        self._backoff = Backoff(most=max(1.0, min(10.0, spec.heartbeat_s)))
        self._due = time.monotonic() + spec.heartbeat_s
        self._not_before = 0.0
        self._look_at_points = 0.0
        self._answered_at = time.monotonic()  # the claim
        self._turn = threading.Lock()  # who holds it may move `offset` and `points`

    def resume(self) -> None:
        """For an adopted attempt: a sign of life at once; its answer tells what the site has of the log."""
        self._due = 0.0

    def stop(self) -> None:
        """End the thread, soon: it is not waited for."""
        self._stopping.set()

    def heard(self) -> bool:
        """Whether the site takes this attempt's heartbeats: it answered one of the last few."""
        return time.monotonic() - self._answered_at < HEARD_BEATS * self._spec.heartbeat_s

    def run(self) -> None:
        while not self._stopping.is_set() and not self.stale.is_set():
            now = time.monotonic()
            if now >= self._not_before and (now >= self._due or self._grown() or self._curve_grown(now)):
                self._beat(now)
            else:
                self._stopping.wait(LOOK_S)

    def send_rest(self, pause: Callable[[float], None]) -> None:
        """Send what is left of an ended run's log, and of its curve all that the finish (`tail`) cannot carry.

        Raises Stale, and what `pause` raises.
        """
        stuck = 0
        while (self._grown() or len(self.tail()) == POINTS_A_CALL) and stuck < MAX_STUCK:
            before = (self.offset, self.points)
            try:
                patiently(self._exchange, pause)
            except Rejected as error:
                log.warning("log refused", job=self._spec.job_id, error=str(error))
                return
            stuck = stuck + 1 if (self.offset, self.points) <= before else 0

    def tail(self) -> list[UsagePoint]:
        """The next points of the curve that the site does not have."""
        return self._watched.points(self.points)

    def _beat(self, now: float) -> None:
        try:
            more = self._exchange()
        except Stale as error:
            log.info("stale", job=self._spec.job_id, attempt=self._spec.attempt, detail=str(error))
            self.stale.set()
            self._interrupt()
        except Unreachable as error:
            pause = self._backoff.next()
            log.warning("heartbeat unheard", job=self._spec.job_id, error=str(error), retry_s=round(pause, 1))
            self._not_before = time.monotonic() + pause
        except Rejected as error:
            log.warning("heartbeat refused", job=self._spec.job_id, error=str(error))
            self._not_before = time.monotonic() + self._spec.heartbeat_s
        else:
            self._backoff.reset()
            self._due = now + self._spec.heartbeat_s
            self._not_before = 0.0 if more else now + LOG_GAP_S
            self._look_at_points = now + POINTS_GAP_S

    def _exchange(self) -> bool:
        """One call; True when there is more log to send at once."""
        with self._turn:
            chunk = self._chunk()
            told = Told(self.offset, chunk, self._watched.usage(), self.tail())
            pulse = self._site.heartbeat(self._spec, told)
            self._answered_at = time.monotonic()
            advanced = pulse.log_offset > self.offset
            self.offset, self.points = pulse.log_offset, pulse.samples
        if pulse.cancel and not self.cancel.is_set():
            self.cancel.set()
            self._interrupt()
        return advanced and len(chunk) == LOG_CHUNK

    def _chunk(self) -> bytes:
        try:
            with self._watched.log.open("rb") as file:
                file.seek(self.offset)
                return file.read(LOG_CHUNK)
        except FileNotFoundError:
            return b""

    def _grown(self) -> bool:
        return self.log_size() > self.offset

    def _curve_grown(self, now: float) -> bool:
        """Whether there are points to send; looked for at most each POINTS_GAP_S."""
        if now < self._look_at_points:
            return False
        self._look_at_points = now + LOG_GAP_S
        return bool(self.tail())

    def log_size(self) -> int:
        try:
            return self._watched.log.stat().st_size
        except FileNotFoundError:
            return 0
