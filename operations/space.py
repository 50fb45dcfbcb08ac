"""How much space is left where this site keeps its things."""

from __future__ import annotations

from pathlib import Path

import psutil
from django.conf import settings
from django.db import connection

from contests import blobs


def left() -> dict[str, int]:
    """Free bytes by what lies there; of a store or a database elsewhere nothing is known."""
    found = {"var": psutil.disk_usage(str(settings.VAR)).free}
    if connection.vendor == "sqlite":
        found["database"] = psutil.disk_usage(str(Path(settings.DATABASES["default"]["NAME"]).parent)).free
    try:
        of_blobs = blobs.space_left()
    except OSError:
        of_blobs = None
    return found if of_blobs is None else found | {"blobs": of_blobs}
