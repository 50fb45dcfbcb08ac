"""`manage.py prepare_site`: database, static files, this machine's pools. Part of every start."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from accounts import first_admin
from contests import stores
from operations import preparing, starting
from operations.demo.seed import seed
from operations.demo.story import SEEDED
from operations.processes import default_pools
from operations.serving import SETUP


class Command(BaseCommand):
    help = "Migrate the database, collect static files, open this machine's runner pools."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="the demo's contests too, if what they need is built"
        )

        parser.add_argument("--wait", type=float, default=0.0, help="seconds to wait for the database")
        parser.add_argument("--setup", action="store_true", help="say where the first administrator is made")

    def handle(self, *_args: str, **options: Any) -> None:
        try:
            starting.wait_for_database(within_s=options["wait"])
        except starting.NotPrepared as error:
            sys.stderr.write(f"Podium: {error}\n")
            sys.exit(1)
        preparing.migrate()
        preparing.collect_static()
        stores.chosen().prepare()
        named = os.environ.get("PODIUM_POOLS") or default_pools()  # noqa: TID251 - the agent's setting
        slugs = [piece.partition(":")[0].strip() for piece in named.split(",") if piece.strip()]
        preparing.open_local_pools(slugs, settings.VAR / "secrets" / "pools")
        preparing.register_environments()
        if options["setup"] and (path := first_admin.offer(settings.SETUP_TOKEN_FILE)):
            print(f"{SETUP}{path}")
        if options["demo"]:
            try:
                seed()
            except LookupError:  # the scoring environment is still being built
                return
            print(SEEDED)
