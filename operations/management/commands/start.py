"""`manage.py start web|judge|beat|publisher`: one process of the site in the foreground, for Docker and systemd."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from operations import running, starting


class Command(BaseCommand):
    help = "Wait for the database and its migrations, then become one process of the site."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=list(starting.PROGRAMS))
        parser.add_argument("--host", default="127.0.0.1", help="where the web process listens")
        parser.add_argument("--port", default="8000")
        parser.add_argument(
            "--wait", type=float, default=120.0, help="seconds to wait for database and migrations"
        )

    def handle(self, *_args: str, **options: Any) -> None:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251 - for the program
        try:
            starting.check_address(
                options["name"], settings.PUBLIC_URL, behind_proxy=settings.PODIUM_BEHIND_PROXY
            )
            machine = running.machine(
                port=running.port_number(options["port"]),
                host=options["host"],
                var=settings.VAR,
                behind_proxy=settings.PODIUM_BEHIND_PROXY,
            )
            starting.wait_until_prepared(within_s=options["wait"])
        except (running.NotPossible, starting.NotPrepared) as error:
            sys.stderr.write(f"Podium: {error}\n")
            sys.exit(1)
        starting.become(options["name"], machine)
