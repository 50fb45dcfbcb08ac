"""What the operator says about warm sandboxes: PODIUM_WARM and PODIUM_WARM_MB."""

from __future__ import annotations

import dataclasses
import re

DEFAULT_MB = 2048
OFF = frozenset({"0", "off"})
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_MOST = 100


class WrongChoice(Exception):
    """PODIUM_WARM cannot be read; the message is one line that says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """How many warm sandboxes there are to be, by environment; without sizes one for each kind that ran lately."""

    sizes: tuple[tuple[str, int], ...] = ()
    memory_mb: int = DEFAULT_MB  # of all of them together, while they wait
    off: bool = False

    def size(self, environment: str) -> int:
        """For an environment's identifier."""
        if not self.sizes:
            return 1
        return dict(self.sizes).get(environment.partition("@")[0], 0)


def read(text: str, memory_mb: int) -> Choice:
    """Read "python=2,scoring=1"; empty is the default, "0" or "off" none at all. Raises WrongChoice."""
    if text in OFF:
        return Choice(off=True)
    sizes = []
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, count = piece.partition("=")
        if not _NAME.fullmatch(name) or not count.isdigit() or int(count) > _MOST:
            raise WrongChoice(f'PODIUM_WARM: "{piece}" is not <environment>=<how many>, e.g. python=1')
        sizes.append((name, int(count)))
    if len({name for name, _ in sizes}) != len(sizes):
        raise WrongChoice('PODIUM_WARM must name each environment once, e.g. "python=1,scoring=1"')
    return Choice(sizes=tuple(sizes), memory_mb=memory_mb)
