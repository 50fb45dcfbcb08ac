"""`manage.py serve`: all processes of this machine under one supervisor, on what is in var/."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations import processes, running
from operations.processes import Machine


class Command(BaseCommand):
    help = "Run the site, its judge and one runner agent until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", default="8000")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--no-agent", action="store_true", help="runner hosts are elsewhere")

    def handle(self, *_args: str, **options: Any) -> None:
        chosen = running.machine(
            port=_port(options["port"]),
            host=options["host"],
            var=settings.VAR,
            plain_http=settings.PLAIN_HTTP,
        )
        sys.exit(running.until_told_to_stop(serve(chosen, with_agent=not options["no_agent"])))


async def serve(chosen: Machine, *, with_agent: bool) -> None:
    def say(line: str) -> None:
        print(line, flush=True)

    async with running.supervised(chosen, say) as supervisor:
        await running.prepare(chosen)
        await running.start_site(supervisor, chosen)
        if with_agent:
            await supervisor.start_and_wait(processes.agent(chosen))
        say(f"Podium is ready: {chosen.url}")
        if not chosen.plain_http:
            say(
                "It expects a proxy that speaks TLS in front of it; docs/operate.md says how (or PODIUM_PLAIN_HTTP=1)."
            )
        await asyncio.Event().wait()


def _port(text: str) -> int:
    try:
        return running.port_number(text)
    except running.NotPossible as error:
        raise CommandError(str(error)) from error
