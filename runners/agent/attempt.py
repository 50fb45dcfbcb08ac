"""One attempt's life: fetch, start, run, send files, finish; or an honest end in between.

Theory of operation. `carry` walks the stages in order; an adopted attempt enters at the stage its directory
shows. A stage ends the attempt by raising one of four exceptions, and each has exactly one consequence:

    Stale      the site does not want it from us any more: kill, delete
    OurFault   the contestant is not to blame: kill, give back, delete
    Halted     the agent is stopping: leave all to its successor, or (stop mode "kill") kill and give back
    anything else is a bug or a broken disk: logged whole, then like OurFault

Waiting is always `_pause`, which wakes at once when the heart hears "stale" or "cancel" or the agent stops.
A site that does not answer is waited for without end: ten hours of work are not thrown away for an outage. Only a
site that takes this attempt's heartbeats but fails at its results (5xx) for `broken_site_s` on end is not away:
it would fail at them for ever, so the job is given back.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

import structlog

from runners.agent import box
from runners.agent.cache import BadInput, InputCache
from runners.agent.examined import Found
from runners.agent.heart import Heart, Watched
from runners.agent.readiness import Readiness
from runners.agent.rundir import RunDir
from runners.agent.settings import Settings, StopMode
from runners.agent.site import Broken, Ended, Rejected, Site, SiteError, Stale, Unreachable, patiently
from runners.archives import BadArchive
from runners.gpu.keeper import Keeper, Kept
from runners.sandboxes.plan import SandboxError
from runners.spec import InputFile, OutputFile
from runners.verdict import KillReason, RunFacts
from runners.warm.pool import WarmPool

log = structlog.get_logger()

# How often an end is looked for: after a fiftieth of the time the run has taken already, within bounds.
LOOK_SHARE, QUICKEST_LOOK_S, SLOWEST_LOOK_S = 1 / 50, 0.003, 0.1
CANCEL_GRACE_S = 6.0  # a shim ends a cancelled run within a tick and DEATH_S; one that does not is killed
OVERTIME_S = 30.0  # beyond the wall limit, which the shim keeps; then the shim itself is broken
LAST_WORDS_S = 1.5  # for a give-back while the agent is being stopped
FETCH_TRIES = 3
MAX_DEATHS = 3  # agents that die over one attempt in a row; then it is taken for what kills them
PEACE_S = 60.0  # an agent that has carried an attempt for so long is not killed by it
NO_DEVICES = Kept()


class OurFault(Exception):
    """The attempt cannot go on for a reason that is not the contestant's; the job is given back."""


class CancelledEarly(Exception):
    """The contestant cancelled before anything ran."""


class Halted(Exception):
    """The agent is stopping."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tools:
    """What all attempts of an agent share."""

    settings: Settings
    site: Site
    cache: InputCache
    closing: threading.Event  # nothing more is claimed
    halting: threading.Event  # nothing more is waited for
    preflight: Found
    gpus: Keeper
    readiness: Readiness
    threads: int  # how many a run may use for its arithmetic
    warm: WarmPool | None = None


class Attempt:
    """Carries one run directory to its end, in the thread of its slot."""

    def __init__(self, tools: Tools, run: RunDir, sandbox: str = "", kept: Kept = NO_DEVICES) -> None:
        """`sandbox` names the one to start in, with the devices `kept`; an adopted attempt has started."""
        self._tools, self._run, self._spec = tools, run, run.spec
        self._sandbox, self._kept = sandbox, kept
        self._site = tools.site
        self._wake = threading.Event()
        self._stages: dict[str, int] = {}
        self._cancel_sent_at = 0.0
        self._carried_since, self._at_peace = time.monotonic(), False
        self._log = log.bind(job=run.spec.job_id, attempt=run.spec.attempt)
        self._heart = Heart(tools.site, run.spec, _watched(run), self._wake.set)

    def interrupt(self) -> None:
        """Make the attempt look at once whether the agent is stopping."""
        self._wake.set()

    def carry(self, *, adopted: bool) -> None:
        """From wherever the attempt is to its end. Raises nothing."""
        if adopted:
            self._heart.resume()
        self._heart.start()
        try:
            self._beware()
            unfit = None if adopted else self._prepare()
            self._deliver(*(unfit or self._await_end()))
        except Stale as error:
            self._discard(str(error))
        except Halted:
            self._halt()
        except OurFault as error:
            self._give_back(str(error))
        except Exception as error:  # noqa: BLE001  a slot outlives it; it is logged whole
            self._log.exception("attempt broke")
            self._give_back(f"the agent failed: {type(error).__name__}")
        finally:
            self._kept.let_go()
            self._heart.stop()

    def _beware(self) -> None:
        """Raises OurFault for a run over which one agent after the other dies: adopted for ever, it would never end."""
        if (deaths := self._run.deaths()) >= MAX_DEATHS:
            raise OurFault(f"{deaths} agents in a row died over this attempt")

    def _prepare(self) -> tuple[RunFacts, tuple[OutputFile, ...]] | None:
        """Have the inputs here and the sandbox running, unless the job was cancelled before that.

        An upload that looked like an archive and cannot be unpacked ends the run here: its end is returned.
        """
        with suppress(CancelledEarly):
            with self._stage("fetch"):
                fetched = sum(self._fetch(item) for item in self._spec.inputs)
                try:
                    box.unpack_trees(self._run)
                except BadArchive as error:
                    self._log.info("unfit", fault=str(error.fault))
                    self._run.log.write_text(f"[podium] this archive cannot be unpacked: {error}\n", "utf-8")
                    return RunFacts(exit_code=1, signal=None, sandbox=self._sandbox), ()
                except OSError as error:
                    raise OurFault(f"an archive was not unpacked: {error}") from error
            files = len(self._spec.inputs)
            self._log.info("inputs", files=files, fetched=fetched, ms=self._stages["fetch_ms"])
            self._check()
            with self._stage("start"), self._tools.warm.starting() if self._tools.warm else nullcontext():
                self._start()
            warm, took = "warm" in self._stages, self._stages["start_ms"]
            self._log.info("started", environment=self._spec.environment, warm=warm, ms=took)
        return None

    def _fetch(self, item: InputFile) -> bool:
        target = self._run.input_path(item.sha256)
        download = partial(self._download, item.sha256)
        for left in reversed(range(FETCH_TRIES)):
            try:
                place = partial(self._tools.cache.place, item.sha256, item.size, target, download)
                return patiently(place, self._pause)
            except BadInput as error:
                self._log.warning("bad input", error=str(error))
                if not left:
                    raise OurFault(str(error)) from error
                self._pause(1.0)
            except Rejected as error:
                raise OurFault(str(error)) from error
        raise AssertionError

    @contextmanager
    def _download(self, sha256: str) -> Iterator[Iterable[bytes]]:
        """The bytes of an input, as long as anybody still wants them."""

        def watched(pieces: Iterable[bytes]) -> Iterator[bytes]:
            for piece in pieces:
                self._check()
                yield piece

        with self._site.blob(self._spec, sha256) as pieces:
            yield watched(pieces)

    def _start(self) -> None:
        try:
            settings = self._tools.settings
            tools = self._tools
            if box.start(self._run, settings, tools.threads, self._sandbox, self._kept, warm=tools.warm):
                self._stages["warm"] = 1
        except box.CannotStart as error:
            raise OurFault(f"the sandbox did not start: {error}") from error

    def _await_end(self) -> tuple[RunFacts, tuple[OutputFile, ...]]:
        """Wait for the end of the run. Raises OurFault when the program was not what ended it."""
        begun = time.monotonic()
        with self._stage("run"):
            while (outcome := box.outcome(self._run.sandbox)) is None:
                waited = time.monotonic() - begun
                if waited > self._spec.limits.wall_s + OVERTIME_S:
                    raise OurFault("the shim did not end the run at its wall limit")
                self._heed_cancel()
                self._make_peace()
                self._pause(min(max(QUICKEST_LOOK_S, waited * LOOK_SHARE), SLOWEST_LOOK_S))
        facts, files = outcome.facts, outcome.files
        if facts is None and self._heart.cancel.is_set():  # before the start, or by force: nobody wants more
            facts = RunFacts(
                exit_code=None, signal=None, kill_reason=KillReason.CANCEL, sandbox=self._sandbox
            )
        if facts is None:
            raise OurFault(f"the sandbox failed: {outcome.error}")
        self._log.info("ended", ms=self._stages["run_ms"], kill_reason=str(facts.kill_reason))
        return facts, files

    def _make_peace(self) -> None:
        if not self._at_peace and time.monotonic() - self._carried_since > PEACE_S:
            self._at_peace = True
            self._run.forgive_deaths()

    def _heed_cancel(self) -> None:
        """Pass a cancel on to the shim, and end a shim that does not heed it."""
        if not self._heart.cancel.is_set():
            return
        if not self._cancel_sent_at:
            self._log.info("cancelling")
            self._cancel_sent_at = time.monotonic()
            box.cancel(self._run.sandbox)
        elif time.monotonic() - self._cancel_sent_at > CANCEL_GRACE_S:
            self._reap()

    def _deliver(self, facts: RunFacts, files: tuple[OutputFile, ...]) -> None:
        """Files, then the rest of the log, then the facts; each repeated until the site has them."""
        if self._spec.withheld:  # what else it wrote beside hidden data stays here and is deleted
            files = tuple(f for f in files if f.name in {self._spec.required_output, *self._spec.kept})
        try:
            with self._stage("upload"):
                for file in files:
                    path = box.collected(self._run.sandbox, file)
                    self._results(partial(self._site.put_file, self._spec, file, path), "a file")
                self._heart.send_rest(self._pause)
            begun = time.monotonic()
            ended = Ended(facts, files, self._heart.log_size(), self._stages, self._heart.tail())
            self._results(partial(self._site.finish, self._spec, ended), "the finish")
        except Rejected as error:
            raise OurFault(f"the site refused the results: {error}") from error
        self._log.info("finished", finish_ms=_ms_since(begun), files=len(files), **self._stages)
        self._forget()

    def _results(self, call: Callable[[], None], what: str) -> None:
        """Repeat a call until the site has it. Raises OurFault when the site is there but breaks at it."""
        broken_since: float | None = None

        def tried() -> None:
            nonlocal broken_since
            try:
                call()
            except Broken as error:
                # What breaks while no heartbeat is heard is an outage seen through a proxy.
                broken_since = (broken_since or time.monotonic()) if self._heart.heard() else None
                patience = self._tools.settings.broken_site_s
                if broken_since is not None and time.monotonic() - broken_since > patience:
                    raise OurFault(f"the site {error} to {what} for {patience:g} s") from error
                raise
            except Unreachable:
                broken_since = None
                raise

        patiently(tried, self._pause)

    def _discard(self, why: str) -> None:
        self._log.info("discarded", why=why)
        self._forget()

    def _give_back(self, reason: str) -> None:
        self._log.warning("giving back", reason=reason)
        self._reap()
        try:
            self._results(partial(self._site.give_back, self._spec, reason), "the give-back")
        except OurFault as error:
            self._log.error("not given back, its lease will expire", error=str(error))
        except Halted:
            return  # the job file stays, so the next agent gives it back
        except (Stale, Rejected) as error:
            self._log.info("give-back not taken", why=str(error))
        self._forget()

    def _halt(self) -> None:
        ended = box.outcome(self._run.sandbox)
        if self._tools.settings.stop is not StopMode.KILL or (ended is not None and ended.facts is not None):
            self._run.forgive_deaths()  # nobody dies: this agent was told to stop
            self._log.info("left for the next agent")
            return
        self._reap()
        try:
            self._site.give_back(self._spec, "the agent was stopped", stopped=True, timeout_s=LAST_WORDS_S)
        except Unreachable as error:
            self._log.warning("given back at the next start", error=str(error))
            return
        except SiteError as error:
            self._log.info("give-back not taken", why=str(error))
        self._log.info("given back, the agent was stopped")
        self._forget()

    def _forget(self) -> None:
        self._heart.stop()
        self._run.settle()
        if self._reap():
            self._run.delete()
            self._tools.cache.trim()

    def _reap(self) -> bool:
        """End and remove what is left of the run; False when something of it cannot be ended."""
        try:
            box.reap(self._run.sandbox)
        except (SandboxError, OSError) as error:
            self._log.error("not reaped, the next start tries again", error=str(error))
            return False
        return True

    def _check(self) -> None:
        """Between two steps before the start: raises Stale, Halted or CancelledEarly."""
        self._pause(0)
        if self._heart.cancel.is_set():
            raise CancelledEarly

    def _pause(self, seconds: float) -> None:
        """Wait; raises Stale or Halted as soon as that is known."""
        self._pause_in_vain(0 if self._heart.stale.is_set() else seconds)
        if self._heart.stale.is_set():
            raise Stale("said the heartbeat")

    def _pause_in_vain(self, seconds: float) -> None:
        """Wait, whatever the heart hears; raises Halted."""
        if self._tools.halting.is_set():
            raise Halted
        self._wake.wait(seconds)
        self._wake.clear()
        if self._tools.halting.is_set():
            raise Halted

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self._stages[f"{name}_ms"] = _ms_since(begun)


def _watched(run: RunDir) -> Watched:
    """What is told of a run while it runs. Beside hidden data its log and its curve could carry that data."""
    usage = partial(box.usage, run.sandbox)
    if run.spec.withheld:
        return Watched(run.path / "withheld", usage, lambda _number: [])
    return Watched(run.log, usage, partial(box.points, run.sandbox))


def _ms_since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
