"""`manage.py create_token USERNAME [--create]` prints one new API token."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import tokens
from accounts.models import User


class Command(BaseCommand):
    help = "Print a new API token for a user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--create", action="store_true", help="create the user when there is none")
        parser.add_argument("--name", default="command line", help="what the token is for")
        parser.add_argument("--days", type=int, help="how long it is good; left out, until it is revoked")

    def handle(self, *args: Any, **options: Any) -> None:
        username: str = options["username"]
        user = User.objects.filter(username=username).first()
        if user is None:
            if not options["create"]:
                raise CommandError(f"There is no user {username!r}. Add --create to make one.")
            user = User(username=username)
            user.set_unusable_password()
            try:
                user.full_clean(exclude=["password"])
            except ValidationError as error:
                raise CommandError("; ".join(error.messages)) from error
            user.save()
        try:
            self.stdout.write(tokens.create_api_token(user=user, name=options["name"], days=options["days"]))
        except tokens.TooMany as error:
            raise CommandError(str(error)) from error
