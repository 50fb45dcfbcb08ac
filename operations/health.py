"""Whether this site can do its work, asked of the real things and told without secrets.

Theory of operation. `/healthz` says that the process answers, and nothing else: a supervisor that restarts the web
process because the database is away makes an outage longer. `/readyz` looks. What accepting a submission needs
decides about "not ready": a database that can be written to, its migrations, a store that takes bytes, space on its
disk. The broker may be lost at any time (the database is the queue), and a pool may have no host for a while: then the
site is "degraded" and goes on taking submissions. A balancer that took it away for that would turn a slow site into
none.

A look writes a few bytes and takes some milliseconds, so one is kept for a second, however often it is asked for. What
does not answer is waited for a few seconds: whoever probes has less patience than a submission. A store elsewhere is
asked every half minute, or, while it is away, every five seconds: its requests may cost money.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django.db
import psutil
import psycopg_pool
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from compute import pools
from compute.models import Pool
from contests import blobs
from operations.kept import Kept
from operations.models import Notice

KEPT_S = 1.0
STORE_KEPT_S, STORE_AWAY_KEPT_S = 30.0, 5.0
CONNECT_S = 3.0
LOCK_WAIT_MS = 2000  # so long another writer may hold SQLite's lock before it counts as stuck
BROKER_S = 1.0
SILENT = "does not answer"


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One part. `problem` is one of a few fixed words: what drivers say may hold addresses and passwords."""

    ok: bool
    needed: bool
    ms: float
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"ok": self.ok, "ms": self.ms}
        return told if self.ok else {**told, "problem": self.problem}


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """All parts at one moment."""

    parts: dict[str, Finding]
    pools: list[dict[str, Any]]

    @property
    def ready(self) -> bool:
        return all(part.ok for part in self.parts.values() if part.needed)

    @property
    def status(self) -> str:
        if not self.ready:
            return "not ready"
        unmanned = any(not pool["live_hosts"] for pool in self.pools)
        return "ready" if all(part.ok for part in self.parts.values()) and not unmanned else "degraded"

    def as_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "checks": {name: part.as_json() for name, part in self.parts.items()},
            "pools": self.pools,
        }


class Broken(Exception):
    """A part does not do its work; the text is a fixed word or two."""


def look() -> Report:
    """Ask every part now."""
    database = _asked(_database, needed=True)
    parts = {
        "database": database,
        "migrations": _asked(_migrations, needed=True)
        if database.problem != SILENT
        else Finding(ok=False, needed=True, ms=0.0, problem="not readable"),
        "blobs": _asked(_blobs, needed=True),
        "broker": _asked(_broker, needed=False),
    }
    return Report(parts, _pools() if parts["database"].ok and parts["migrations"].ok else [])


KEPT = Kept(look)


def report() -> Report:
    """A look that is at most KEPT_S old."""
    return KEPT.get(KEPT_S)


def _asked(ask: Callable[[], None], *, needed: bool) -> Finding:
    began, problem = time.monotonic(), ""
    try:
        ask()
    except Broken as broken:
        problem = str(broken)
    return Finding(not problem, needed, round((time.monotonic() - began) * 1000, 1), problem)


def _database() -> None:
    _connect()
    try:
        with _briefly(), transaction.atomic():
            # Asks for the write lock, or for a transaction that may write; there is no such row.
            Notice.objects.filter(pk=0).update(read_only=False)
    except django.db.Error as error:
        raise Broken("locked" if "locked" in str(error) else "not writable") from error
    if connection.vendor == "sqlite":
        _check_space(Path(settings.DATABASES["default"]["NAME"]).parent)


def _connect() -> None:
    """A pool waits long for its server to come back, which is right for a submission and too long for a probe."""
    pool = getattr(connection, "pool", None)
    try:
        if pool is not None and connection.connection is None:
            pool.open()
            pool.putconn(pool.getconn(timeout=CONNECT_S))
        connection.ensure_connection()
    except (django.db.Error, psycopg_pool.PoolTimeout) as error:
        raise Broken(SILENT) from error


@contextlib.contextmanager
def _briefly() -> Iterator[None]:
    """SQLite waits for its lock as long as a submission would; here a short wait says enough."""
    if connection.vendor != "sqlite":
        yield
        return
    usual = int(settings.DATABASES["default"]["OPTIONS"].get("timeout", 5) * 1000)
    _wait_for_lock(LOCK_WAIT_MS)
    try:
        yield
    finally:
        _wait_for_lock(usual)


def _wait_for_lock(milliseconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")


@functools.cache
def known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations or ())


def missing_migrations() -> set[tuple[str, str]]:
    """Those of this checkout that the database lacks. More than we know is no fault: a newer process has started."""
    return set(known_migrations() - set(MigrationRecorder(connection).applied_migrations()))


def _migrations() -> None:
    try:
        missing = missing_migrations()
    except django.db.Error as error:
        raise Broken("not readable") from error
    if missing:
        raise Broken(f"{len(missing)} not applied")


def _blobs() -> None:
    if settings.PODIUM_S3 is None:
        STORE.forget()
    takes_bytes = STORE.get(STORE_KEPT_S)
    if not takes_bytes:
        takes_bytes = STORE.get(STORE_AWAY_KEPT_S)
    try:
        left = blobs.space_left() if takes_bytes else None
    except OSError:
        takes_bytes, left = False, None
    if not takes_bytes:
        raise Broken("takes no bytes")
    if left is not None and left < settings.PODIUM_DISK_LOW_MB << 20:
        raise Broken("no space left")


def _takes_bytes() -> bool:
    try:
        blobs.probe()
    except OSError:
        return False
    return True


STORE = Kept(_takes_bytes)


def _check_space(folder: Path) -> None:
    if psutil.disk_usage(str(folder)).free < settings.PODIUM_DISK_LOW_MB << 20:
        raise Broken("no space left")


def _broker() -> None:
    client = Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BROKER_S,
        socket_connect_timeout=BROKER_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.ping()
    except (RedisError, OSError) as error:
        raise Broken(SILENT) from error
    finally:
        client.close()


def _pools() -> list[dict[str, Any]]:
    return [
        {
            "name": pool.slug,
            "live_hosts": len(pools.live_hosts(pool.pk)),
            "trusted": pool.trusted,
            "held": pool.held,
        }
        for pool in Pool.objects.order_by("slug")
    ]
