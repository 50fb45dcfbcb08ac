"""`manage.py pool`: what waits and runs in each pool; hold and release one, or a contest; drain and resume hosts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compute.models import Pool, RunnerHost
from contests import organising
from contests.models import Contest
from judge import operating, own_queue


class Command(BaseCommand):
    help = "Show the pools of runner hosts, or hold, release, drain and resume."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", metavar="VERB")
        verbs.add_parser("show", help="what waits, runs and is held (the default)")
        hold = verbs.add_parser("hold", help="hand out nothing more; what runs goes on")
        release = verbs.add_parser("release", help="hand out again")
        drain = verbs.add_parser("drain", help="let a host finish and give it nothing more")
        resume = verbs.add_parser("resume", help="let a host work again")
        operators = verbs.add_parser("operators", help="name who may do this beside superusers; none: nobody")
        for verb in (drain, resume, operators):
            verb.add_argument("pool")
        for verb in (hold, release):
            what = verb.add_mutually_exclusive_group(required=True)
            what.add_argument("pool", nargs="?")
            what.add_argument("--contest", help="the queue of this contest in all pools")
        for verb in (drain, resume):
            verb.add_argument("host")
        operators.add_argument("usernames", nargs="*")

    def handle(self, *_args: str, **options: Any) -> None:
        verb = options["verb"] or "show"
        if options.get("contest"):
            contest = self._contest(options["contest"])
            (own_queue.hold if verb == "hold" else own_queue.release)(contest, by=None)
        elif verb in {"hold", "release"}:
            (operating.hold if verb == "hold" else operating.release)(self._pool(options["pool"]))
        elif verb in {"drain", "resume"}:
            host = self._host(self._pool(options["pool"]), options["host"])
            (operating.drain if verb == "drain" else operating.resume)(host)
        elif verb == "operators":
            self._name(self._pool(options["pool"]), options["usernames"])
        self._show()

    def _pool(self, slug: str) -> Pool:
        pool = Pool.objects.filter(slug=slug).first()
        if pool is None:
            raise CommandError(f"There is no pool {slug!r}; `manage.py pool show` names them.")
        return pool

    def _contest(self, slug: str) -> Contest:
        contest = Contest.objects.filter(slug=slug).first()
        if contest is None:
            raise CommandError(f"There is no contest {slug!r}.")
        return contest

    def _name(self, pool: Pool, usernames: list[str]) -> None:
        people, unknown = organising.named(usernames)
        if unknown:
            raise CommandError(f"There is no account {', '.join(unknown)}.")
        operating.name_operators(pool, people)

    def _host(self, pool: Pool, name: str) -> RunnerHost:
        host = pool.hosts.filter(name=name).first()
        if host is None:
            raise CommandError(f"Pool {pool.slug} has no host {name!r}; `manage.py pool show` names them.")
        return host

    def _show(self) -> None:
        for seen in operating.overviews(list(Pool.objects.order_by("slug"))):
            pool, held = seen.pool, ", held" if seen.pool.held else ""
            self.stdout.write(f"{pool.slug}: {seen.waiting} waiting, {seen.running} running{held}")
            for contest in seen.contests:
                name = contest.slug or "(queued by an earlier release)"
                held = ", held" if contest.held else ""
                self.stdout.write(
                    f"  {name} (weight {contest.weight}): {contest.waiting} waiting, {contest.running} running{held}"
                )
            for host in seen.hosts:
                state = "drains" if host.row.draining else "works" if host.live else "silent"
                self.stdout.write(f"  host {host.row.name}: {state}, {host.running} running")
