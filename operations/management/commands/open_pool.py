"""`manage.py open_pool NAME` makes a pool of runner hosts and prints a token of it, which is kept nowhere in clear."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from compute import pool_tokens, pools
from compute.models import Pool, PoolToken

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Command(BaseCommand):
    help = "Make a pool of runner hosts and print a token of it, or another one of a pool that is there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="small letters, digits, - and _; tasks choose a pool by it")
        parser.add_argument(
            "--trusted", action="store_true", help="its hosts score, so they are handed labels"
        )
        parser.add_argument(
            "--for", dest="host", default="", help="the host that is given the token, for the list of them"
        )
        known = parser.add_mutually_exclusive_group()
        known.add_argument(
            "--another-token", action="store_true", help="of a pool that is there: those it has stay"
        )
        known.add_argument(
            "--new-token", action="store_true", help="of a pool that is there: those it has stop working"
        )

    def handle(self, *_args: str, **options: Any) -> None:
        name: str = options["name"]
        if not NAME.fullmatch(name):
            raise CommandError(f"{name!r} is no name of a pool: use small letters, digits, - and _.")
        if len(options["host"]) > PoolToken.NAME_LENGTH:
            raise CommandError(f"--for: at most {PoolToken.NAME_LENGTH} characters.")
        known = Pool.objects.filter(slug=name).first()
        if known is None or options["another_token"]:
            self.stdout.write(pools.open_pool(slug=name, trusted=options["trusted"], name=options["host"]))
            return
        if not options["new_token"]:
            raise CommandError(
                f"Pool {name} is there already: --another-token gives it one more, --new-token one in place of all."
            )
        kept = settings.VAR / "secrets" / "pools" / name
        if kept.is_file():
            raise CommandError(
                f"This machine's own agent works with the token in {kept}: it would be given nothing more. "
                "Use --another-token, and revoke the others in the administration."
            )
        self.stdout.write(pool_tokens.renew(known, name=options["host"]))
