"""`manage.py seed_demo`: the demo's people and contests, once. Part of the first `manage.py demo`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.datasets import DatasetError
from operations.demo.seed import seed
from runners.environments import BuildError


class Command(BaseCommand):
    help = "Create the demo's accounts and contests unless they are there."
    requires_system_checks = ()

    def handle(self, *_args: str, **_options: Any) -> None:
        try:
            seed()
        except (DatasetError, BuildError, LookupError) as error:
            raise CommandError(str(error)) from error
