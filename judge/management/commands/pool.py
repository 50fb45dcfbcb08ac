"""`manage.py pool`: what waits and runs in each pool; hold and release one, drain a host and let it work again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compute.models import Pool, RunnerHost
from judge import operating


class Command(BaseCommand):
    help = "Show the pools of runner hosts, or hold, release, drain and resume."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", metavar="VERB")
        verbs.add_parser("show", help="what waits, runs and is held (the default)")
        hold = verbs.add_parser("hold", help="hand out nothing more; what runs goes on")
        release = verbs.add_parser("release", help="hand out again")
        drain = verbs.add_parser("drain", help="let a host finish and give it nothing more")
        resume = verbs.add_parser("resume", help="let a host work again")
        for verb in (hold, release, drain, resume):
            verb.add_argument("pool")
        for verb in (drain, resume):
            verb.add_argument("host")

    def handle(self, *_args: str, **options: Any) -> None:
        verb = options["verb"] or "show"
        if verb == "show":
            self._show()
            return
        pool = Pool.objects.filter(slug=options["pool"]).first()
        if pool is None:
            raise CommandError(f"There is no pool {options['pool']!r}; `manage.py pool show` names them.")
        if verb in {"hold", "release"}:
            (operating.hold if verb == "hold" else operating.release)(pool)
        else:
            (operating.drain if verb == "drain" else operating.resume)(self._host(pool, options["host"]))
        self._show()

    def _host(self, pool: Pool, name: str) -> RunnerHost:
        host = pool.hosts.filter(name=name).first()
        if host is None:
            raise CommandError(f"Pool {pool.slug} has no host {name!r}; `manage.py pool show` names them.")
        return host

    def _show(self) -> None:
        for pool in Pool.objects.order_by("slug"):
            seen = operating.overview(pool)
            held = ", held" if pool.held else ""
            self.stdout.write(f"{pool.slug}: {seen.waiting} waiting, {seen.running} running{held}")
            for contest in seen.contests:
                name = contest.slug or "(queued by an earlier release)"
                self.stdout.write(
                    f"  {name} (weight {contest.weight}): {contest.waiting} waiting, {contest.running} running"
                )
            for host in seen.hosts:
                state = "drains" if host.row.draining else "works" if host.live else "silent"
                self.stdout.write(f"  host {host.row.name}: {state}, {host.running} running")
