"""`manage.py preflight`: what this host's sandbox enforces, by what, and what is missing."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from operations.running import environments_folder
from runners.sandboxes import preflight


class Command(BaseCommand):
    help = (
        "Try what this host's sandbox enforces and print it as a table. Exit status 1 if a limit is not held."
    )
    requires_system_checks = ()

    def handle(self, *_args: str, **_options: Any) -> None:
        rows = preflight.check(environments_folder(settings.VAR))
        widths = [max(len(str(row.limit)) for row in rows), max(len(row.enforced_by) for row in rows)]
        for row in rows:
            print(
                f"{row.limit:<{widths[0]}}  {row.status:<8}  {row.enforced_by:<{widths[1]}}  {row.advice}".rstrip()
            )
        sys.exit(any(row.status is preflight.Status.MISSING for row in rows))
