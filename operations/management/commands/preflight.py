"""`manage.py preflight`: what this host's sandbox enforces, by what, and what is missing."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from operations.running import environments_folder
from runners.sandboxes import preflight, table


class Command(BaseCommand):
    help = (
        "Try what this host's sandbox enforces and print it as a table. Exit status 1 if a limit is not held."
    )
    requires_system_checks = ()

    def handle(self, *_args: str, **_options: Any) -> None:
        rows = preflight.check(environments_folder(settings.VAR))
        for line in table.lines(rows):
            print(line)
        sys.exit(any(row.status is preflight.Status.MISSING for row in rows))
