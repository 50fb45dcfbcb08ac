"""Opening a contest: what its phases and its door need beyond the fields of a form."""

from __future__ import annotations

import secrets
from itertools import combinations

from django.db.models import Max

from contests.models import Contest, Phase

# Without letters and digits that look alike: codes are read aloud and written on blackboards.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE_LENGTH = 10


def needs_code(contest: Contest) -> bool:
    return contest.registration == Contest.Registration.INVITE and not contest.invite_code


def new_code(contest: Contest) -> str:
    """Give the contest a fresh invitation code; an earlier one no longer opens it."""
    contest.invite_code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
    contest.save(update_fields=["invite_code"])
    return contest.invite_code


def next_position(contest: Contest) -> int:
    last = contest.phases.aggregate(last=Max("position"))["last"]
    return (last or 0) + 1


def overlapping(contest: Contest) -> list[tuple[Phase, Phase]]:
    """Pairs of phases that are open at the same time; the earlier position takes what is handed in."""
    return [
        (first, second)
        for first, second in combinations(contest.phases.order_by("position"), 2)
        if (second.ends_at is None or first.starts_at < second.ends_at)
        and (first.ends_at is None or second.starts_at < first.ends_at)
    ]
