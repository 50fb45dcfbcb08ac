"""`manage.py restore DIR|FILE.tar`: a backup into an empty site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations import starting
from operations.backup import reading
from operations.backup.manifest import CannotRestore

WAIT_S = 120.0


class Command(BaseCommand):
    help = "Make this site what a backup holds. The site must not be running, and be empty unless --replace says so."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="the people and contests that are here now are lost"
        )

        parser.add_argument(
            "--force",
            action="store_true",
            help="also where others are connected to the database, or runner hosts were heard a moment ago",
        )

    def handle(self, *_args: str, **options: Any) -> None:
        try:
            starting.wait_for_database(within_s=WAIT_S)  # it may have been started a moment ago
            told = reading.restore(
                options["source"].absolute(), self._say, replace=options["replace"], force=options["force"]
            )
        except (CannotRestore, starting.NotPrepared) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"restored what was backed up at {told.made_at} by Podium {told.version}: {told.blobs} files, "
            f"{told.counts.get('accounts_user', 0)} people, {told.counts.get('contests_submission', 0)} submissions"
        )

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
