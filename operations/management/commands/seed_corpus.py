"""`manage.py seed_corpus PLAN`: fill the database of a corpus's private site. Part of `manage.py judge_corpus`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from operations.corpus.seed import Plan, seed


class Command(BaseCommand):
    help = "Make the people and the tasks that a corpus is judged on. Part of judge_corpus."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("plan", type=Path)

    def handle(self, *_args: str, **options: Any) -> None:
        print(json.dumps(seed(Plan.read(options["plan"]))))
