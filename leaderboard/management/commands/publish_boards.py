"""`manage.py publish_boards`: pushes board changes to spectators until it is told to stop."""

from __future__ import annotations

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from leaderboard.publisher import BoardPublisher


class Command(BaseCommand):
    help = "Push changes of the leaderboards to their spectators."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = False

        def ask_to_stop(*_: object) -> None:
            nonlocal stop
            stop = True

        signal.signal(signal.SIGTERM, ask_to_stop)
        signal.signal(signal.SIGINT, ask_to_stop)
        publisher = BoardPublisher(settings.REDIS_URL)
        publisher.run(lambda: stop)
        publisher.close()
