"""`manage.py seed_demo`: the demo's people and contests, once. Part of `manage.py demo`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from compute.models import Pool
from operations import preparing
from operations.datasets import DatasetError
from operations.demo import contests, people, samples
from operations.running import environments_folder
from runners.environments import BuildError


class Command(BaseCommand):
    help = "Create the demo's accounts and contests unless they are there."
    requires_system_checks = ()

    def handle(self, *_args: str, **_options: Any) -> None:
        folder = settings.VAR / "secrets"
        people.admit_admin(folder)
        organiser = people.admit_organiser(folder)
        people.admit_contestants(folder)
        environments = preparing.register_environments()
        pools = {pool.slug: pool for pool in Pool.objects.all()}
        try:
            files = samples.contest_files(settings.VAR / "demo", environments_folder(settings.VAR))
        except (DatasetError, BuildError, LookupError) as error:
            raise CommandError(str(error)) from error
        for plan in contests.PLANS:
            contests.open_contest(
                plan, files[plan.slug], environments=environments, pools=pools, organiser=organiser
            )
