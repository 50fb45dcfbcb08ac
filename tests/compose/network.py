"""A host's network of its own: bridges and firewall rules of a Docker daemon stay in there, and it has no internet."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

NAME = "podium-compose"
OUTSIDE, INSIDE = "10.213.78.1", "10.213.78.2"  # of the pair that leads in; nothing is routed through it


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def own_network() -> Iterator[str]:
    """The address of the namespace NAME, as seen from here."""
    _clear()
    _ip("netns", "add", NAME)
    try:
        _ip("-n", NAME, "link", "set", "lo", "up")
        _ip("link", "add", "podium-out", "type", "veth", "peer", "name", "podium-in", "netns", NAME)
        _ip("addr", "add", f"{OUTSIDE}/30", "dev", "podium-out")
        _ip("link", "set", "podium-out", "up")
        _ip("-n", NAME, "addr", "add", f"{INSIDE}/30", "dev", "podium-in")
        _ip("-n", NAME, "link", "set", "podium-in", "up")
        yield INSIDE
    finally:
        _clear()


def _clear() -> None:
    for words in (("link", "del", "podium-out"), ("netns", "del", NAME)):
        with contextlib.suppress(subprocess.CalledProcessError):  # it is not there
            _ip(*words)
