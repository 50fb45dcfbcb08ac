"""Restoring a site from a backup."""

from __future__ import annotations

import datetime
import tarfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone

from compute.models import RunnerHost
from contests import blobs, stores
from leaderboard.models import Board
from operations import health, instance
from operations.backup import archive, database, manifest
from operations.backup.archive import Source
from operations.backup.manifest import CannotRestore, Manifest
from operations.backup.writing import digest_of

Say = Callable[[str], None]
SAY_EVERY = 200
HEARD = datetime.timedelta(minutes=1)


def restore(path: Path, say: Say, *, replace: bool = False, force: bool = False) -> Manifest:
    """Make this site what the backup holds. Raises CannotRestore; the database is then as it was."""
    source = archive.source_of(path)
    told = manifest.read(source.manifest())
    check(told, replace=replace)
    if not force:
        check_nobody_works()
    fresh = Path(settings.VAR) / "database.restoring"
    try:
        _fetch(source, told, fresh, say)
        say("restoring the database")
        if digest_of(fresh) != told.database_sha256:
            raise CannotRestore("The backup's database is damaged: its digest is not that of the manifest.")
        if not force:  # files take long to copy
            check_nobody_works()
        database.load(fresh, told.counts)
    finally:
        fresh.unlink(missing_ok=True)
    _compare(told)
    say("bringing it up to this version")
    call_command("migrate", interactive=False, verbosity=0)
    # Spectators may hold later versions of the boards than those that are now: a new epoch makes them fetch all.
    Board.objects.update(epoch=F("epoch") + 1)
    return told


def check(told: Manifest, *, replace: bool) -> None:
    """Raise CannotRestore where this backup must not go into this site."""
    if told.engine != database.engine():
        raise CannotRestore(f"This backup is of {told.engine}, and this site is set to {database.engine()}.")
    known = {f"{app}.{name}" for app, name in health.known_migrations()}
    ours = {name.partition(".")[0] for name in known}
    newer = [name for name in told.migrations if name.partition(".")[0] in ours and name not in known]
    if newer:
        raise CannotRestore(
            f"This backup was made by a newer Podium ({told.version}; it has {newer[-1]}): update this checkout first."
        )
    if instance.is_used(Path(settings.VAR) / "run"):
        raise CannotRestore("This site is running: stop it first.")
    if not replace and not database.is_empty():
        raise CannotRestore("This site has people or contests. --replace puts the backup in their place.")


def check_nobody_works() -> None:
    """Raise CannotRestore where processes of this site seem to run elsewhere, which no lock of this machine tells."""
    if found := database.other_clients():
        raise CannotRestore(
            f"Processes of this site are connected to the database (from {', '.join(found)}): stop them, on whatever "
            "hosts they are. --force restores all the same."
        )
    if RunnerHost._meta.db_table not in connection.introspection.table_names():  # noqa: SLF001 - Django's documented way
        return
    heard = RunnerHost.objects.filter(seen_at__gte=timezone.now() - HEARD)
    if names := sorted(heard.values_list("name", flat=True)):
        raise CannotRestore(
            f"Runner hosts were heard within the last minute ({', '.join(names)}), so a process of this site answered "
            "them. Stop it, on whatever host it is, and wait a minute; --force does not wait."
        )


def _fetch(source: Source, told: Manifest, fresh: Path, say: Say) -> None:
    """Everything of the backup, the database beside its place. Raises CannotRestore."""
    try:
        stores.chosen().prepare()  # a bucket of a site that is made anew
        _restore_files(source, told, say)
        source.copy(told.database, fresh)
        fresh.chmod(0o600)
    except (OSError, tarfile.TarError) as error:
        raise CannotRestore(f"The backup cannot be read, or its files not be written: {error}") from error


def _restore_files(source: Source, told: Manifest, say: Say) -> None:
    seen = 0
    for sha256, pieces in source.blobs():
        if not blobs.exists(sha256):
            try:
                blobs.put(pieces, max_bytes=1 << 50, expected=sha256)
            except blobs.WrongDigest as error:
                raise CannotRestore(f"The file {sha256} of the backup is damaged.") from error
        seen += 1
        if seen % SAY_EVERY == 0:
            say(f"files: {seen} of {told.blobs}")
    say(f"files: {seen} of {told.blobs}")
    if seen < told.blobs:
        raise CannotRestore(f"The backup holds {seen} files of {told.blobs}: it is not whole.")


def _compare(told: Manifest) -> None:
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for table, rows in told.counts.items():
            if table not in tables:
                continue
            cursor.execute(f'SELECT COUNT(*) FROM "{table}"')  # noqa: S608 - a table that is there
            found = cursor.fetchone()[0]
            if found != rows:
                raise CannotRestore(f"{table} has {found} rows after the restore, and had {rows}.")
