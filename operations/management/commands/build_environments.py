"""`manage.py build_environments`: the Python environments that submissions run in, as folders or as Docker images."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from operations.running import environments_folder
from runners.environments import __main__ as command
from runners.sandboxes.choice import Sandbox


class Command(BaseCommand):
    help = "Build environments, or wait for whoever is building them. Those that are ready take no time."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="default: all there are")
        parser.add_argument("--sandbox", choices=list(Sandbox), help="default: PODIUM_SANDBOX, else nsjail")
        command.add_image_options(parser)

    def handle(self, *_args: str, **options: Any) -> None:
        arguments = ["build", *options["names"], "--root", str(environments_folder(settings.VAR))]
        for name in ("sandbox", "base", "install", "wheels", "torch_index"):
            if options[name]:
                arguments += [f"--{name.replace('_', '-')}", str(options[name])]
        sys.exit(command.main(arguments))
