"""`manage.py backup DIR` or `backup FILE.tar`: database and files, while the site runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations.backup import writing
from operations.backup.manifest import BackupFailed

MB = 1 << 20


class Command(BaseCommand):
    help = (
        "Copy database and files to a folder, or to one file that ends in .tar, while the site runs. It gets its name "
        "when it is whole; a folder that was broken off (….partial) is carried on with by the same command."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", type=Path)

    def handle(self, *_args: str, **options: Any) -> None:
        target: Path = options["target"].absolute()
        try:
            made = writing.make(target, self._say)
        except BackupFailed as failed:
            raise CommandError(str(failed)) from failed
        if made.missing:
            self.stderr.write(
                f"{len(made.missing)} files that the database names are not in the store: see `manage.py doctor`."
            )
        self.stdout.write(f"{target}: {made.blobs} files ({made.blob_bytes // MB} MB) and the database")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
