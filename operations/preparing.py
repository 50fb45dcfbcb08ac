"""Bringing a site's state up to date before its processes start. Everything here may be repeated."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from compute import pools
from compute.models import Environment
from operations.layout import keep_secret
from runners.environments import definitions

TRUSTED_POOLS = frozenset({"scoring"})  # pools of this very machine that may be handed labels


def migrate() -> None:
    call_command("migrate", interactive=False, verbosity=0)


def collect_static() -> bool:
    """Collect the static files unless they are those collected last time. Returns whether it did."""
    if settings.STATIC_COLLECTED:
        return False
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    wanted = _fingerprint()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(wanted, encoding="utf-8")
    return True


def _fingerprint() -> str:
    """What decides about the collected files: our own by name, size and time, and the packages by their lock."""
    digest = hashlib.sha256((settings.BASE_DIR / "requirements" / "app.lock").read_bytes())
    for folder in settings.STATICFILES_DIRS:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                status = path.stat()
                digest.update(
                    f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode()
                )
    return digest.hexdigest()


def open_local_pools(slugs: list[str], tokens: Path) -> None:
    """Have a pool and its token file for each slug; a token that still opens its pool stays as it is.

    A host without one is given one of its own: those of other hosts' agents stay good.
    """
    for slug in slugs:
        kept = tokens / slug
        pool = pools.pool_of(kept.read_text(encoding="utf-8").strip()) if kept.is_file() else None
        if pool is None or pool.slug != slug:
            named = os.environ.get("PODIUM_AGENT_HOST", "").strip()  # noqa: TID251 - the agent's setting
            host = (named or socket.gethostname())[:120]
            keep_secret(kept, pools.open_pool(slug=slug, trusted=slug in TRUSTED_POOLS, name=host))


def register_environments() -> dict[str, Environment]:
    """The environments this checkout defines, by name, as the versions it would build now."""
    return {
        name: pools.register_environment(
            name=name, version=definition.version, packages=definition.packages()
        )
        for name, definition in definitions().items()
    }
