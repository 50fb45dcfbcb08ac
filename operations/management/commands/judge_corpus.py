"""`manage.py judge_corpus PATH`: whether this host holds against a folder of hostile cases (docs/corpus.md)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations import running
from operations.corpus import telling
from operations.corpus.case import BadCase
from operations.corpus.reading import read_corpus
from operations.corpus.running import Report, run_corpus
from operations.telling import Telling
from runners.sandboxes.choice import Sandbox

INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Judge every case of a corpus on a private site of this host, with its real sandbox. Exit status 0 only if "
        "each came to a verdict that it expects, left nothing and saw nothing that was planted."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="a folder of cases; the built-in one is tests/corpus")
        parser.add_argument("--sandbox", choices=list(Sandbox), default=Sandbox.NSJAIL.value)
        parser.add_argument("--only", default="", help="some cases by name or number, separated by commas")
        parser.add_argument("--json", type=Path, help="write everything that was found to this file, too")

    def handle(self, *_args: str, **options: Any) -> None:
        try:
            corpus = read_corpus(options["path"])
            if names := [name.strip() for name in options["only"].split(",") if name.strip()]:
                corpus = corpus.only(names)
        except BadCase as fault:
            raise CommandError(str(fault), returncode=2) from fault
        found: list[Report] = []
        say = Telling()
        environments = running.environments_folder(settings.VAR)

        async def story() -> None:
            found.append(await run_corpus(corpus, environments, options["sandbox"], say))

        status = running.until_told_to_stop(story())
        if not found:
            sys.exit(status or INTERRUPTED)
        self._tell(found[0], say.elapsed, options)
        sys.exit(not found[0].holds)

    def _tell(self, report: Report, seconds: float, options: dict[str, Any]) -> None:
        for text in (telling.table(report), telling.skips(report), telling.complaints(report)):
            lines = list(text)
            if lines:
                print("\n" + "\n".join(lines))
        print(f"\n{options['sandbox']} {telling.summary(report, seconds)}")
        if options["json"]:
            telling.write(report, options["json"], sandbox=options["sandbox"], seconds=seconds)
