"""Builds a host's environments while it works already: a restart carries on with its runs at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from runners import environments
from runners.agent.readiness import Readiness
from runners.agent.settings import Settings
from runners.environments import BuildError, Progress
from runners.environments.image_building import Wishes, build_image
from runners.sandboxes.choice import Sandbox

log = structlog.get_logger()

EVERY_PERCENT = 10


class Builder(threading.Thread):
    """Builds one environment after the other, with a line for every ten percent.

    The reporter tells the site how far it is, and rings for jobs that waited for what has been built. A failure ends
    the agent only where nothing else could run either.
    """

    def __init__(
        self, names: Sequence[str], chosen: Settings, wishes: Wishes, fatal: Callable[[str], None]
    ) -> None:
        super().__init__(name="builder", daemon=True)
        self._names, self._chosen, self._wishes, self._fatal = names, chosen, wishes, fatal
        self._sandbox = chosen.pools[0].sandbox
        self._said: tuple[str, int] | None = None

    def run(self) -> None:
        for name in self._names:
            try:
                self._build(name)
            except (BuildError, OSError) as error:
                log.warning("environment not built", name=name, reason=str(error))
                if not Readiness(self._chosen).ready(self._sandbox):
                    self._fatal(str(error))
                    return

    def _build(self, name: str) -> None:
        root = self._chosen.environments_dir
        if self._sandbox is Sandbox.NSJAIL:
            environments.build(name, root, self._say)
        else:
            build_image(name, root, self._say, self._wishes)

    def _say(self, state: Progress) -> None:
        said = (state.name, state.percent // EVERY_PERCENT)
        if said != self._said:
            self._said = said
            log.info("environment", name=state.name, percent=state.percent, step=state.step)
