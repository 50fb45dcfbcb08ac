"""Which runner this is."""

from __future__ import annotations

import functools
from pathlib import Path

import runners


@functools.cache
def installed_version() -> str:
    """The version of the wheel this was installed from; empty in a checkout, which is its site's own code.

    Read once: pip may put another one in the place of what runs.
    """
    try:
        return Path(runners.__path__[0], "VERSION").read_text("ascii").strip()
    except FileNotFoundError:
        return ""
