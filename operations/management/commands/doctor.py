"""`manage.py doctor`: what is not as it should be, and what to do about it; `--repair` mends what can be mended."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from operations.doctor import examining

SHOWN = 20  # of one kind; the rest is counted


class Command(BaseCommand):
    help = (
        "Look for stuck jobs, lost files, boards that drifted and the like. Exit status 0: all is well, or was mended; "
        "1: something is left. Changes nothing without --repair."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true", help="mend what can be mended")
        parser.add_argument(
            "--deep", action="store_true", help="read every file and compare it with its digest"
        )
        parser.add_argument("--json", action="store_true", help="a line of JSON for each finding")

    def handle(self, *_args: str, **options: Any) -> None:
        left, shown = 0, dict[str, int]()
        for finding in examining.examine(deep=options["deep"], say=self._say):
            mended = options["repair"] and examining.repair(finding)
            left += not mended
            if options["json"]:
                self.stdout.write(json.dumps(finding.as_json() | {"mended": mended}))
                continue
            shown[finding.code] = shown.get(finding.code, 0) + 1
            if shown[finding.code] <= SHOWN:
                state = "mended: " if mended else ""
                self.stdout.write(
                    f"{state}{finding.code}: {finding.subject}: {finding.what}\n    {finding.advice}"
                )
        for code, count in shown.items():
            if count > SHOWN:
                self.stdout.write(f"{code}: {count - SHOWN} more")
        self.stderr.write(f"{left} left" if left else "all is well")
        if left:
            sys.exit(1)

    def _say(self, text: str) -> None:
        self.stderr.write(text)
        self.stderr.flush()
