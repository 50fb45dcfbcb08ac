"""The read-only places of a run, each a directory of the run's own: hard links to its inputs, and symbolic links.

Theory of operation. A container's root cannot be filled by us, so each place that inputs and links may lie in is one
directory that is bound in whole. Hard links need no mount each, survive the renaming of the run's directory, and
may be added while the container is held. An input that is a directory, or lies on another file system, cannot be
linked: it is bound on its own, over an empty stand-in.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from runners.sandboxes.docker_flags import Bind
from runners.sandboxes.plan import Hold, SandboxPlan

_ALWAYS = ("input", "kaggle")
_ALWAYS_LINKED = {"/kaggle/working": "/output"}


class Places:
    """`root` is a directory on the file system of the inputs, made here."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def hold(self, hold: Hold, rundir: Path) -> list[Bind]:
        """What is to be bound of a warm sandbox, whose directories are there and empty."""
        for place in hold.places:  # a place below another one needs a stand-in there
            if place.count("/") > 1:
                (self._root / place.lstrip("/")).mkdir(mode=0o755, parents=True, exist_ok=True)
        for place, target in _ALWAYS_LINKED.items():
            self._at(place).symlink_to(target)
        tops = {f"/{place.split('/')[1]}" for place in (*hold.places, *_ALWAYS_LINKED)} - set(hold.places)
        found = [Bind(source=self._root / top.lstrip("/"), place=top) for top in sorted(tops)]
        return found + [Bind(source=hold.directory(rundir, place), place=place) for place in hold.places]

    def fill(self, plan: SandboxPlan) -> list[Bind]:
        """Make the directories of `plan`; what is to be bound. Raises OSError."""
        self._root.mkdir(mode=0o755)
        places = [place for _, place in plan.inputs]
        links = _ALWAYS_LINKED | dict(plan.links)
        whole = [Bind(source=Path(host), place=place) for host, place in plan.inputs if place.count("/") == 1]
        tops = dict.fromkeys([*_ALWAYS, *(place.split("/")[1] for place in (*places, *links))])
        for top in tops:
            (self._root / top).mkdir(mode=0o755)
        found = [Bind(source=self._root / top, place=f"/{top}") for top in tops]
        found = [bind for bind in found if bind.place not in {other.place for other in whole}]
        for host, place in plan.inputs:
            if place.count("/") > 1 and not self._link(host, place):
                found.append(Bind(source=Path(host), place=place))
        for place, target in links.items():
            self._at(place).symlink_to(target)
        return found + whole

    def _link(self, host: str, place: str) -> bool:
        at = self._at(place)
        if Path(host).is_dir():
            at.mkdir(mode=0o755)
            return False
        try:
            os.link(host, at)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
                raise
            at.touch(mode=0o444)
            return False
        return True

    def _at(self, place: str) -> Path:
        at = self._root / place.lstrip("/")
        for parent in reversed(at.relative_to(self._root).parents):
            (self._root / parent).mkdir(mode=0o755, exist_ok=True)
        return at
