"""`manage.py preflight`: what this host's sandbox enforces, by what, and what is missing."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations.running import environments_folder
from runners.sandboxes import choice, preflight, table
from runners.sandboxes.choice import Sandbox


class Command(BaseCommand):
    help = (
        "Try what this host's sandbox enforces and print it as a table. Exit status 1 if a limit is not held."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sandbox", choices=list(Sandbox), help="default: PODIUM_SANDBOX, else nsjail")

    def handle(self, *_args: str, **options: Any) -> None:
        try:
            sandbox = Sandbox(options["sandbox"]) if options["sandbox"] else choice.default_sandbox()
            rows = preflight.check(environments_folder(settings.VAR), sandbox)
        except choice.WrongChoice as error:
            raise CommandError(str(error)) from error
        for line in table.lines(rows):
            print(line)
        sys.exit(any(row.status is preflight.Status.MISSING for row in rows))
