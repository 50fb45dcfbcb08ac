"""`manage.py migrate`: Django's, which beside a site that is being used waits for locks briefly and tries again."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from operations import migrating


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        run = super().handle
        try:
            migrating.patiently(
                lambda: run(*args, **options), connections[options["database"]], self.stderr.write
            )
        except migrating.Blocked as error:
            sys.stderr.write(f"Podium: {error}\n")
            sys.exit(1)
