"""`manage.py demo`: everything on this machine, with three contests on real data. `make demo` calls it."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations import building, running
from operations.demo import story


class Command(BaseCommand):
    help = "Start Podium with three demo contests, on the loopback address."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", default="8000")
        parser.add_argument(
            "--environments", default="python,torch,tensorflow", help="what to build, separated by commas"
        )

    def handle(self, *_args: str, **options: Any) -> None:
        try:
            names = building.chosen_names(options["environments"])
            port = running.port_number(options["port"])
        except running.NotPossible as error:
            raise CommandError(str(error)) from error
        chosen = running.machine(port=port, var=settings.VAR, plain_http=True)
        sys.exit(running.until_told_to_stop(story.demo(chosen, names)))
