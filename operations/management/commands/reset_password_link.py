"""`manage.py reset_password_link USERNAME` prints a link by which that person chooses a new password."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import reset_links
from accounts.models import User


class Command(BaseCommand):
    help = "Print a link by which a person chooses a new password. It works once, for three days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *_args: str, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']!r}.")
        try:
            path = reset_links.path_for(user)
        except reset_links.NoSuchLink as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{_address()}{path}")


def _address() -> str:
    """Where people find the site: as it was told, or as the running one says."""
    if settings.SITE:
        return str(settings.SITE).rstrip("/")
    try:
        said = json.loads((settings.VAR / "run" / "processes.json").read_text(encoding="utf-8"))
        return str(said["url"])
    except (OSError, ValueError, KeyError):
        return "http://127.0.0.1:8000"
