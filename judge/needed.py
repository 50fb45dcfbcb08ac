"""Which blobs running jobs were told to fetch: our own programs among them are referred to by no row."""

from __future__ import annotations

from judge import lease, specification
from judge.models import Job


def by_running_jobs() -> set[str]:
    digests: set[str] = set()
    for job in Job.objects.select_related(
        *lease.SUBJECT, "pool", "environment", "predictions", "model"
    ).filter(status=Job.Status.RUNNING):
        try:
            digests |= specification.input_digests(job)
        except (ValueError, LookupError, specification.Forbidden):
            continue  # it can be given to nobody, so nobody fetches anything for it
    return digests
