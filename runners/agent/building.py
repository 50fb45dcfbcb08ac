"""Builds a host's environments while it works already: a restart carries on with its runs at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from runners import environments
from runners.environments import BuildError, Progress

log = structlog.get_logger()

EVERY_PERCENT = 10


class Builder(threading.Thread):
    """Builds one environment after the other, with a line for every ten percent.

    The reporter tells the site how far it is, and rings for jobs that waited for what has been built. A failure ends
    the agent only where nothing else could run either.
    """

    def __init__(self, names: Sequence[str], root: Path, fatal: Callable[[str], None]) -> None:
        super().__init__(name="builder", daemon=True)
        self._names, self._root, self._fatal = names, root, fatal
        self._said: tuple[str, int] | None = None

    def run(self) -> None:
        for name in self._names:
            try:
                environments.build(name, self._root, self._say)
            except (BuildError, OSError) as error:
                log.warning("environment not built", name=name, reason=str(error))
                if not environments.ready(self._root):
                    self._fatal(str(error))
                    return

    def _say(self, state: Progress) -> None:
        said = (state.name, state.percent // EVERY_PERCENT)
        if said != self._said:
            self._said = said
            log.info("environment", name=state.name, percent=state.percent, step=state.step)
