"""Pools and their hosts: opening one, keeping what its hosts report."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit, rights
from compute import pool_tokens
from compute.models import Environment, Pool, RunnerHost
from runners.spec import IMAGE_PREFIX

QUARANTINED = "quarantined"  # state of a device that nothing may run on
SILENT_AFTER = datetime.timedelta(seconds=120)  # four missed looks
FORGOTTEN_AFTER = datetime.timedelta(days=30)


@dataclasses.dataclass(frozen=True, slots=True)
class Readiness:
    """Whether some live host of a pool can run an environment, and if not, what is missing or how far its build is."""

    ready: bool
    hosts: int
    percent: int | None = None
    step: str = ""
    error: str = ""
    lacks_devices: bool = False  # the environment is there, but not beside so many GPUs


def open_pool(*, slug: str, trusted: bool, name: str = "") -> str:
    """A token of the pool, shown once; the pool is made where there is none. Its other tokens, and its trust, stay."""
    pool, _made = Pool.objects.get_or_create(slug=slug, defaults={"trusted": trusted})
    audit.note(None, pool, f"another token, for {name!r}")
    return pool_tokens.make(pool, name=name)[1]


def pool_of(token: str) -> Pool | None:
    return pool_tokens.pool_of(token) if token else None


def operated_by(user: object) -> QuerySet[Pool]:
    """The pools that a person may hold, release and drain: all for who runs the site, else those that name them."""
    if rights.runs_site(user):
        return Pool.objects.all()
    person = rights.known(user)
    return Pool.objects.none() if person is None else Pool.objects.filter(operators=person)


def register_environment(*, name: str, version: str, packages: Sequence[tuple[str, str]] = ()) -> Environment:
    """The environment of that version; `packages` are name and version of what its lock installs."""
    wanted = [list(package) for package in packages]
    found, _made = Environment.objects.get_or_create(
        name=name, version=version, defaults={"packages": wanted}
    )
    if wanted and found.packages != wanted:  # registered before packages were kept
        found.packages = wanted
        found.save(update_fields=["packages"])
    return found


def report(
    *,
    pool: Pool,
    host: str,
    environments: list[str],
    building: dict[str, Any],
    sandbox: str = "",
    preflight: Sequence[dict[str, str]] = (),
    devices: Sequence[dict[str, Any]] = (),
) -> None:
    """Keep what a host said of itself when it asked for work."""
    now = timezone.now()
    known = RunnerHost.objects.filter(pool=pool, name=host).values_list("seen_at", "heard_from").first()
    goes_on = known is not None and known[0] >= now - SILENT_AFTER
    RunnerHost.objects.update_or_create(
        pool=pool,
        name=host,
        defaults={
            "environments": environments,
            "building": building,
            "sandbox": sandbox,
            "preflight": list(preflight),
            "devices": list(devices),
            "seen_at": now,
            "heard_from": known[1] or known[0] if known and goes_on else now,
        },
    )


def drains(pool: Pool, host: str) -> bool:
    """Whether an operator has asked that this host be given nothing more."""
    return RunnerHost.objects.filter(pool=pool, name=host, draining=True).exists()


def live_hosts(pool_id: int) -> list[RunnerHost]:
    """The hosts of a pool that were heard lately and are given work."""
    return list(RunnerHost.objects.filter(pool_id=pool_id, seen_at__gte=heard_since(), draining=False))


def listening_since() -> datetime.datetime | None:
    """Since when some host has been heard without a pause, and so the site was there for all; None: none is live."""
    live = RunnerHost.objects.filter(seen_at__gte=heard_since())
    known = [
        since or datetime.datetime.min.replace(tzinfo=datetime.UTC)
        for (since,) in live.values_list("heard_from")
    ]
    return min(known, default=None)


def forget_silent() -> int:
    """Delete hosts that nobody has heard for long: containers come under a new name each time. Returns how many."""
    return RunnerHost.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()[0]


def heard_since() -> datetime.datetime:
    """A host that was heard since then is alive."""
    return timezone.now() - SILENT_AFTER


def told_by(identifiers: Iterable[str], prefix: str = "") -> Q:
    """The environments that a host listed, as a condition on Environment, or on what has one at `prefix`."""
    found = Q(pk__in=[])
    for identifier in identifiers:
        name, _, version = identifier.partition("@")
        if identifier.startswith(IMAGE_PREFIX):
            wanted = {"image": identifier.removeprefix(IMAGE_PREFIX)}
        else:
            wanted = {"name": name, "version": version, "image": ""}
        found |= Q(**{f"{prefix}{field}": value for field, value in wanted.items()})
    return found


def ready_environments(pool_id: int) -> list[int]:
    """Keys of the environments that some live host of the pool can run."""
    identifiers = {identifier for host in live_hosts(pool_id) for identifier in host.environments}
    return list(Environment.objects.filter(told_by(identifiers)).values_list("pk", flat=True))


def usable_devices(host: RunnerHost) -> int:
    """GPUs that a run of this host may have, now or when another has ended."""
    return sum(device["state"] != QUARANTINED for device in host.devices)


def most_devices(pool_id: int) -> int:
    """How many GPUs a job of the pool may need at most to run on some live host."""
    return max(map(usable_devices, live_hosts(pool_id)), default=0)


def readiness(*, pool: Pool, environment: Environment, gpus: int = 0) -> Readiness:
    hosts = live_hosts(pool.pk)
    having = [host for host in hosts if environment.told_as in host.environments]
    if having:
        ready = any(usable_devices(host) >= gpus for host in having)
        return Readiness(ready=ready, hosts=len(hosts), lacks_devices=not ready)
    for host in hosts:
        build = host.building.get(environment.name)
        # Hosts build the version that their checkout defines, which a task may have pinned before or after.
        if isinstance(build, dict) and build.get("version", environment.version) == environment.version:
            return Readiness(
                ready=False,
                hosts=len(hosts),
                percent=build.get("percent"),
                step=str(build.get("step", "")),
                error=str(build.get("error", "")),
            )
    return Readiness(ready=False, hosts=len(hosts))
