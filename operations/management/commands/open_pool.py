"""`manage.py open_pool NAME` makes a pool of runner hosts and prints its token, which is kept nowhere in clear."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from compute import pools
from compute.models import Pool

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Command(BaseCommand):
    help = "Make a pool of runner hosts and print its token. Every host of the pool is given the same one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="small letters, digits, - and _; tasks choose a pool by it")
        parser.add_argument(
            "--trusted", action="store_true", help="its hosts score, so they are handed labels"
        )
        parser.add_argument(
            "--new-token", action="store_true", help="of a pool that is there: its old token stops working"
        )

    def handle(self, *_args: str, **options: Any) -> None:
        name: str = options["name"]
        if not NAME.fullmatch(name):
            raise CommandError(f"{name!r} is no name of a pool: use small letters, digits, - and _.")
        kept = settings.VAR / "secrets" / "pools" / name
        if kept.is_file():
            raise CommandError(
                f"Pool {name} is this machine's own, its token is in {kept}: give another host a copy of that "
                "file, or open a pool of another name."
            )
        known = Pool.objects.filter(slug=name).first()
        if known is not None and not options["new_token"]:
            raise CommandError(f"Pool {name} is there already; --new-token gives it another token.")
        trusted = known.trusted if known is not None else options["trusted"]
        self.stdout.write(pools.open_pool(slug=name, trusted=trusted))
