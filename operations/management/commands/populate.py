"""`manage.py populate` fills a site as a large contest leaves it: to try how a site of that size does.

It is no demo: nobody can sign in as these people, and no program was ever run.
"""

from __future__ import annotations

import random
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from contests.models import Contest, Submission
from operations.population import filling, grounds


class Command(BaseCommand):
    help = "Fill an empty site with made-up teams and submissions, as many as a large contest has."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--submissions", type=int, default=132_000)
        parser.add_argument("--teams", type=int, default=9_000)
        parser.add_argument("--waiting", type=int, default=500, help="how many of the newest still wait")
        parser.add_argument("--contest", default="large", help="the address of the contest that is made")
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same submissions")
        parser.add_argument(
            "--beside",
            action="store_true",
            help="even on a site with contests of its own; they stay as they are",
        )

    def handle(self, *_args: str, **options: Any) -> None:
        self._refuse(**options)
        dice, began = random.Random(options["seed"]), time.monotonic()  # noqa: S311 - no secret
        self.stdout.write(f"{options['teams']} teams …")
        ready = grounds.prepare(options["contest"], options["teams"], dice)

        def say(done: int) -> None:
            seconds = time.monotonic() - began
            self.stdout.write(f"{done} of {options['submissions']} submissions, {seconds:.0f} s")

        filling.fill(
            ready, submissions=options["submissions"], waiting=options["waiting"], dice=dice, say=say
        )
        if connection.vendor == "postgresql":
            connection.cursor().execute("ANALYZE")  # as it does by itself a little later; SQLite never does
        self.stdout.write(f"done in {time.monotonic() - began:.0f} s: /contests/{options['contest']}/")

    def _refuse(self, **options: Any) -> None:
        if (
            not 0 < options["teams"] <= options["submissions"]
            or not 0 <= options["waiting"] <= options["submissions"]
        ):
            raise CommandError(
                "there must be a team, no more teams than submissions, and no more may wait than there are"
            )
        if Contest.objects.filter(slug=options["contest"]).exists():
            raise CommandError(
                f"there is a contest “{options['contest']}” already; name another by --contest"
            )
        if not options["beside"] and (Contest.objects.exists() or Submission.objects.exists()):
            raise CommandError(
                "this site has contests, and what is made up cannot be told from them: use an empty one, or --beside"
            )
