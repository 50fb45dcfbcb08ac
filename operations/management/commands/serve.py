"""`manage.py serve`: all processes of this machine under one supervisor, on what is in var/. `make run` calls it."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from operations import building, reach, running, serving


class Command(BaseCommand):
    help = "Run the site, its judge and one runner agent until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", default="8000")
        parser.add_argument("--host", default="127.0.0.1", help="where to listen; 0.0.0.0: let others in")
        parser.add_argument(
            "--site", default="", help="the address people type, for example https://podium.example.org"
        )
        parser.add_argument("--no-agent", action="store_true", help="runner hosts are elsewhere")
        parser.add_argument(
            "--environments", default="", help="what to build, separated by commas; nothing if left out"
        )

    def handle(self, *_args: str, **options: Any) -> None:
        wishes = reach.Wishes(
            site=options["site"] or settings.SITE,
            plain_http=settings.SAID_PLAIN_HTTP,
            behind_proxy=settings.PODIUM_BEHIND_PROXY,
            names_hosts=bool(settings.NAMED_HOSTS),
        )
        try:
            names = building.chosen_names(options["environments"]) if options["environments"] else []
            chosen = running.machine(
                port=running.port_number(options["port"]), host=options["host"], var=settings.VAR
            )
            chosen = reach.settle(chosen, wishes)
        except running.NotPossible as error:
            sys.stderr.write(f"Podium: {error}\n")
            sys.exit(1)
        sys.exit(running.until_told_to_stop(serving.serve(chosen, names, with_agent=not options["no_agent"])))
