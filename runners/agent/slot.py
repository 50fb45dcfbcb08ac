"""A slot: one thread that runs one job at a time for one pool."""

from __future__ import annotations

import dataclasses
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from runners.agent import examined, rundir
from runners.agent.attempt import Attempt, Tools
from runners.agent.bell import Bell
from runners.agent.rundir import RunDir
from runners.agent.settings import SettingsError
from runners.agent.site import Backoff, Refused, Rejected, SiteError, Unreachable, WrongProtocol
from runners.gpu.keeper import Kept, NotOffered
from runners.sandboxes.choice import Sandbox
from runners.spec import JobSpec
from runners.wire import plain

log = structlog.get_logger()

TOKEN_RETRY_S = 60.0
REFUSED_RETRY_S = 30.0
NO_ROOM_RETRY_S = 5.0
ROOM_BYTES = 64 << 20  # what a host must have free for its run directories


@dataclasses.dataclass(frozen=True, slots=True)
class Pool:
    """What the slots of one pool share."""

    slug: str
    bell: Bell
    sandbox: str

    @property
    def has_devices(self) -> bool:
        """Of a GPU gVisor knows some models with some drivers (nvproxy); what it was not seen to do is not offered."""
        return self.sandbox != Sandbox.RUNSC


def claim_body(tools: Tools, pool: Pool, slots: int, devices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a claim tells about this host. `slots` 0 only reports and gets no job."""
    sandbox = Sandbox(pool.sandbox)
    building = {
        name: {field: plain(told) if isinstance(told, str) else told for field, told in progress.items()}
        for name, progress in tools.readiness.building(sandbox).items()
    }
    return {
        "host": plain(tools.settings.host),
        "slots": slots,
        "environments": tools.readiness.ready(sandbox),
        "building": building,
        "sandbox": pool.sandbox,
        "preflight": examined.told(tools.preflight.get(sandbox, ())),
        "allow_soft_limits": tools.settings.allow_soft_limits,
        "devices": list(devices) if pool.has_devices else [],
    }


def _no_room(directory: Path) -> str:
    """Why nothing can be run here at the moment: a job that is claimed all the same would lose an attempt."""
    free = shutil.disk_usage(directory).free
    return "" if free >= ROOM_BYTES else f"only {free >> 20} MB are free in {directory}"


class Slot(threading.Thread):
    """Carries the attempts it adopts to their ends, then claims, until the agent closes."""

    def __init__(
        self,
        tools: Tools,
        index: int,
        pool: Pool | None,
        adopted: Sequence[RunDir],
        fatal: Callable[[str], None],
    ) -> None:
        super().__init__(name=f"slot-{index}", daemon=True)
        self.attempt: Attempt | None = None
        self._tools, self._index, self._pool = tools, index, pool
        self._adopted, self._fatal = adopted, fatal
        self._backoff = Backoff(first=0.5, most=tools.settings.look_every_s)

    def run(self) -> None:
        for run in self._adopted:
            self._surely(partial(self._resume, run))
        while self._pool is not None and not self._tools.closing.is_set():
            self._surely(partial(self._work, self._pool))

    def _surely(self, step: Callable[[], None]) -> None:
        """A slot outlives every mistake in one attempt."""
        try:
            step()
        except Exception:
            log.exception("slot broke", slot=self._index)
            self._tools.closing.wait(self._backoff.next())
        finally:
            self.attempt = None

    def close(self) -> None:
        """Wake a slot that waits for a job, so that it sees that the agent closes."""
        if self._pool is not None:
            self._pool.bell.close()

    def interrupt(self) -> None:
        """Wake whatever the slot waits for, so that it sees that the agent halts."""
        self.close()
        if self.attempt is not None:
            self.attempt.interrupt()

    def _resume(self, run: RunDir) -> None:
        self.attempt = Attempt(self._tools, run)
        with bound_contextvars(job=run.spec.job_id, attempt=run.spec.attempt):
            self.attempt.carry(adopted=True)

    def _work(self, pool: Pool) -> None:
        """One look for a job, and the job if there is one."""
        begun = time.monotonic()
        claimed = self._claim(pool)
        if claimed is None:
            return
        spec, kept = claimed
        pool.bell.ring()  # where one job waited there may be more
        log.info(
            "claimed",
            job=spec.job_id,
            attempt=spec.attempt,
            kind=str(spec.kind),
            slot=self._index,
            ms=round((time.monotonic() - begun) * 1000),
        )
        try:
            run = rundir.create(self._tools.settings.runs_dir, spec, self._index)
        except (OSError, ValueError) as error:
            kept.let_go()
            self._hand_back(spec, f"no run directory: {error}")
            raise
        self.attempt = Attempt(self._tools, run, pool.sandbox, kept)
        with bound_contextvars(job=spec.job_id, attempt=spec.attempt):
            self.attempt.carry(adopted=False)

    def _claim(self, pool: Pool) -> tuple[JobSpec, Kept] | None:
        """A job with its devices, or None after waiting for a reason to ask again."""
        settings = self._tools.settings
        if no_room := _no_room(settings.agent_dir):
            log.warning("nothing is claimed", pool=pool.slug, reason=no_room)
            self._tools.closing.wait(NO_ROOM_RETRY_S)
            return None
        try:
            spec, kept = self._ask(pool)
        except Unreachable as error:
            pause = self._backoff.next()
            log.warning("site unreachable", pool=pool.slug, error=str(error), retry_s=round(pause, 1))
            self._tools.closing.wait(pause)
        except (Refused, SettingsError) as error:
            file = settings.tokens_dir / pool.slug
            hint = f"write the token of pool {pool.slug} from the site's admin to {file} (mode 0600)"
            log.warning("pool token not accepted", pool=pool.slug, error=str(error), mend=hint)
            self._tools.closing.wait(TOKEN_RETRY_S)
        except WrongProtocol as error:
            self._fatal(f"this agent does not fit its site: {error}")
        except Rejected as error:
            log.warning("claim rejected", pool=pool.slug, error=str(error))
            self._tools.closing.wait(REFUSED_RETRY_S)
        else:
            self._backoff.reset()
            if spec is None:
                pool.bell.wait(settings.look_every_s)
            elif self._tools.closing.is_set():
                kept.let_go()
                self._hand_back(spec, "the agent is stopping")
            else:
                return spec, kept
        return None

    def _ask(self, pool: Pool) -> tuple[JobSpec | None, Kept]:
        """One claim, for which all free devices are held. Raises as Site.claim does."""
        token = self._tools.settings.pool_token(pool.slug)
        with self._tools.gpus.offer(any_at_all=pool.has_devices) as offer:
            spec = self._tools.site.claim(token, claim_body(self._tools, pool, 1, offer.told))
            try:
                return spec, offer.keep(spec.limits.gpus if spec else 0)
            except NotOffered as error:
                if spec is not None:
                    self._hand_back(spec, str(error))
                raise Rejected(str(error)) from error

    def _hand_back(self, spec: JobSpec, reason: str) -> None:
        try:
            self._tools.site.give_back(spec, reason, stopped=True, timeout_s=1.5)
        except SiteError as error:
            log.warning("not handed back, its lease will expire", job=spec.job_id, error=str(error))
