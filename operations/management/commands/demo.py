"""`manage.py demo`: everything on this machine, with two contests on real data. `make demo` calls it."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations import running
from operations.demo import story
from runners.environments import definitions


class Command(BaseCommand):
    help = "Start Podium with two demo contests, on the loopback address."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", default="8000")
        parser.add_argument(
            "--environments", default="python,torch,tensorflow", help="what to build, separated by commas"
        )

    def handle(self, *_args: str, **options: Any) -> None:
        names = [name.strip() for name in options["environments"].split(",") if name.strip()]
        unknown = sorted(set(names) - (set(definitions()) - {"scoring"}))
        if unknown or "python" not in names:
            raise CommandError(
                "ENVIRONMENTS names python and, if wanted, torch and tensorflow, separated by commas."
            )
        chosen = running.machine(port=_port(options["port"]), var=settings.VAR, plain_http=True)
        sys.exit(running.until_told_to_stop(story.demo(chosen, names)))


def _port(text: str) -> int:
    try:
        return running.port_number(text)
    except running.NotPossible as error:
        raise CommandError(str(error)) from error
