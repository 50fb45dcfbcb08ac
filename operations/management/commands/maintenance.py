"""`manage.py maintenance on|off|show` shows a banner on every page, and closes the site for changes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations import notices

LONGEST = 300


class Command(BaseCommand):
    help = (
        "Show a banner on every page; until `off`, nothing can be handed in or changed (HTTP 503 with Retry-After). "
        "Pages stay readable and runner hosts go on. Web processes follow within two seconds."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("on", "off", "show"))
        parser.add_argument("message", nargs="?", default="", help="one sentence: what, and until when")
        parser.add_argument("--zh", default="", help="the same in Chinese, for readers of Chinese")
        parser.add_argument("--banner", action="store_true", help="only tell; everything stays possible")

    def handle(self, *_args: str, **options: Any) -> None:
        if options["what"] == "on":
            self._on(options["message"].strip(), options["zh"].strip(), read_only=not options["banner"])
        elif options["what"] == "off":
            self.stdout.write("The banner is down." if notices.end() else "There was no banner.")
        self._show()

    def _on(self, message: str, message_zh: str, *, read_only: bool) -> None:
        if not message:
            raise CommandError(
                'Say what is going on: maintenance on "The database moves. Back at 14:00 UTC."'
            )
        if max(len(message), len(message_zh)) > LONGEST:
            raise CommandError(f"A banner holds {LONGEST} characters.")
        notices.announce(message, message_zh=message_zh, read_only=read_only)

    def _show(self) -> None:
        shown = notices.current(kept_s=0)
        if shown is None:
            self.stdout.write("The site is open.")
        else:
            state = "read-only" if shown.read_only else "open, with a banner"
            self.stdout.write(
                f"The site is {state} since {shown.started_at:%Y-%m-%d %H:%M} UTC: {shown.message}"
            )
