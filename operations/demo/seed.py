"""The demo's people and contests, created once."""

from __future__ import annotations

from django.conf import settings

from compute.models import Pool
from operations import preparing
from operations.demo import contests, people, samples
from operations.running import environments_folder


def seed() -> None:
    """Create what is missing. Raises LookupError while the scoring environment is not built, and what
    operations.datasets raises.
    """
    files = samples.contest_files(settings.VAR / "demo", environments_folder(settings.VAR))
    folder = settings.VAR / "secrets"
    people.admit_admin(folder)
    organiser = people.admit_organiser(folder)
    people.admit_contestants(folder)
    environments = preparing.register_environments()
    pools = {pool.slug: pool for pool in Pool.objects.all()}
    for plan in contests.PLANS:
        contests.open_contest(
            plan,
            files[plan.slug],
            environments=environments,
            pools=pools,
            built=samples.scoring_environment(environments_folder(settings.VAR)),
            organiser=organiser,
        )
