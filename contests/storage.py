"""How much the files handed in to a contest may take up together (Contest.storage_mb)."""

from __future__ import annotations

from django.db.models import Sum
from django.utils.translation import gettext as _

from contests.models import Blob, Contest, Submission


class Full(Exception):
    """The file does not fit into what the contest may take up; `message` says so and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def used(contest: Contest) -> int:
    """Bytes of all files handed in to a contest; the same content counts once, as it is stored once."""
    named = Submission.objects.filter(contest=contest).values("blob")
    return Blob.objects.filter(pk__in=named).aggregate(size=Sum("size"))["size"] or 0


def lock(contest: Contest) -> None:
    """Take the contest's row where it has a limit, so that of two files at once the second sees the first."""
    if contest.storage_mb is not None:
        Contest.objects.select_for_update(no_key=True).values_list("pk").get(pk=contest.pk)


def check(contest: Contest, *, sha256: str, size: int) -> None:
    """Raise Full when one more file would exceed the contest's limit. Exact after `lock`, in its transaction."""
    if contest.storage_mb is None:
        return
    limit = Contest.objects.values_list("storage_mb", flat=True).get(pk=contest.pk)
    if limit is None or Submission.objects.filter(contest=contest, blob=sha256).exists():
        return
    if used(contest) + size > limit << 20:
        raise Full(
            _(
                "The files handed in to this contest have reached %(limit)s MB, all that it may take up. "
                "Tell the organisers: an administrator can raise the limit."
            )
            % {"limit": limit}
        )
