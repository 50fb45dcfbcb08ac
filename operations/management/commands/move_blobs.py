"""`manage.py move_blobs --to bucket|folder`: a site's files from its folder into its bucket, or back."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from contests import blobs
from operations import moving_files

MB = 1 << 20
SHOWN = 20


class Command(BaseCommand):
    help = (
        "Copy every file from PODIUM_BLOBS into the bucket that PODIUM_S3_URL names, or back, each checked by its "
        "digest. What is there already is not copied again: broken off, the same command goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", choices=("bucket", "folder"), required=True)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="only tell what would be copied (and make the bucket, where it is not there)",
        )
        parser.add_argument(
            "--remove",
            action="store_true",
            help="afterwards read every copy back, and delete the file where it was (the site must not run)",
        )

    def handle(self, *_args: str, **options: Any) -> None:
        dry: bool = options["dry_run"]
        try:
            moved = moving_files.move(options["to"], self._say, dry=dry, remove=options["remove"])
        except moving_files.CannotMove as error:
            raise CommandError(str(error)) from error
        except blobs.StoreAway as error:
            raise CommandError(f"{error}. The same command goes on where this one ended.") from error
        verb = "to copy" if dry else "copied"
        self.stdout.write(
            f"{verb}: {moved.files} files, {moved.size / MB:.1f} MB; there already: {moved.there}; "
            f"removed: {moved.removed}"
        )
        self._tell("damaged, and not copied", moved.damaged)
        self._tell("named by the database and in neither place", moved.missing)
        if moved.damaged or moved.missing:
            sys.exit(1)

    def _tell(self, what: str, digests: list[str]) -> None:
        for sha256 in digests[:SHOWN]:
            self.stderr.write(f"{what}: {sha256}")
        if len(digests) > SHOWN:
            self.stderr.write(f"{what}: {len(digests) - SHOWN} more")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
