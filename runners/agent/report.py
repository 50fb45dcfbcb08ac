"""Keeps the site informed about this host while no slot asks: environments built, and those in building."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import structlog

from runners.agent.attempt import Tools
from runners.agent.settings import SettingsError
from runners.agent.site import SiteError
from runners.agent.slot import Pool, claim_body
from runners.gpu.driver import DeviceState
from runners.sandboxes.choice import Sandbox

log = structlog.get_logger()

WATCH_S = 2.0
# However rarely it looks: the site takes a host for lost that it has not heard for two minutes.
HEARD_EVERY_S = 30.0


def is_due(silent_s: float, look_every_s: float) -> bool:
    """Whether to report although nothing has changed."""
    return silent_s >= min(look_every_s, HEARD_EVERY_S)


class Reporter(threading.Thread):
    """Reports at every change, and often enough to be heard; a new environment or free device rings every bell.

    A job that waits for an environment rang its bell long ago, so nobody else would look when it is built.
    """

    def __init__(self, tools: Tools, pools: Sequence[Pool]) -> None:
        super().__init__(name="reporter", daemon=True)
        self._tools, self._pools = tools, pools
        self._free: set[str] = set()
        self._last: list[dict[str, Any]] = []
        # Before any slot has asked: what is built from now on, a slot may have asked without.
        sandboxes = {Sandbox(pool.sandbox) for pool in pools}
        self._known = {name for sandbox in sandboxes for name in tools.readiness.ready(sandbox)}
        self._reported_at = 0.0

    def run(self) -> None:
        while not self._tools.halting.wait(WATCH_S):
            try:
                self._look()
            except Exception:
                log.exception("report failed")

    def _look_for_free(self, devices: Sequence[dict[str, Any]]) -> None:
        """A device that got clean after its run's slot asked in vain is told to nobody else."""
        free = {device["id"] for device in devices if device["state"] == DeviceState.FREE}
        if free - self._free:
            for pool in self._pools:
                pool.bell.ring()
        self._free = free

    def _look(self) -> None:
        settings = self._tools.settings
        devices = self._tools.gpus.report()
        bodies = [claim_body(self._tools, pool, slots=0, devices=devices) for pool in self._pools]
        self._look_for_free(devices)
        silent_s = time.monotonic() - self._reported_at
        if bodies == self._last and not is_due(silent_s, settings.look_every_s):
            return
        ready = {identifier for body in bodies for identifier in body["environments"]}
        if new := ready - self._known:
            log.info("environments ready", environments=",".join(sorted(new)))
            for pool in self._pools:
                pool.bell.ring()
        self._last, self._known = bodies, ready
        self._reported_at = time.monotonic()
        for pool, body in zip(self._pools, bodies, strict=True):
            try:
                self._tools.site.claim(settings.pool_token(pool.slug), body, timeout_s=5.0)
            except (SiteError, SettingsError) as error:
                log.debug("report unheard", pool=pool.slug, error=str(error))  # the slots say so aloud
