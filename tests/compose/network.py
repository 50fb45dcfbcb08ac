"""A host's network of its own: bridges and firewall rules of a Docker daemon stay in there, and it has no internet."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterator

from tests.docker import ROOT

# Two checkouts may be tested on one machine at the same time.
_OURS = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:6]
NAME = f"podium-{_OURS}"
_PAIR = f"pod-{_OURS}-out", f"pod-{_OURS}-in"  # leads in; nothing is routed through it
# tests/scale has two of 10.213.
OUTSIDE, INSIDE = (f"10.214.{int(_OURS[:2], 16)}.{number}" for number in (1, 2))


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def own_network() -> Iterator[str]:
    """The address of the namespace NAME, as seen from here."""
    _clear()
    _ip("netns", "add", NAME)
    try:
        _ip("-n", NAME, "link", "set", "lo", "up")
        _ip("link", "add", _PAIR[0], "type", "veth", "peer", "name", _PAIR[1], "netns", NAME)
        _ip("addr", "add", f"{OUTSIDE}/30", "dev", _PAIR[0])
        _ip("link", "set", _PAIR[0], "up")
        _ip("-n", NAME, "addr", "add", f"{INSIDE}/30", "dev", _PAIR[1])
        _ip("-n", NAME, "link", "set", _PAIR[1], "up")
        yield INSIDE
    finally:
        _clear()


def _clear() -> None:
    for words in (("link", "del", _PAIR[0]), ("netns", "del", NAME)):
        with contextlib.suppress(subprocess.CalledProcessError):  # it is not there
            _ip(*words)
