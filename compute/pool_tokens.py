"""The tokens of a pool: giving one, recognising it, taking it back.

A pool has as many as its hosts need, so that one that leaked is taken back without stopping the others. Only digests
are kept; what is revoked is deleted, and the administration's history says by whom.
"""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit, tokens
from accounts.models import User
from compute.models import Pool, PoolToken

NOTED_EVERY = datetime.timedelta(minutes=1)  # hosts ask all the time, and not each time shall be a write


def make(pool: Pool, *, name: str = "", by: User | None = None) -> tuple[PoolToken, str]:
    """Another token of the pool, for the host that `name` says: its row, and the token, which is told this once."""
    token = tokens.fresh("pool")
    row = PoolToken.objects.create(pool=pool, name=name, digest=tokens.digest(token), created_by=by)
    return row, token


def pool_of(token: str) -> Pool | None:
    """The pool that a token opens, or None; notes that it was used."""
    found = PoolToken.objects.select_related("pool").filter(digest=tokens.digest(token)).first()
    if found is None:
        return None
    now = timezone.now()
    unnoted = Q(last_used_at=None) | Q(last_used_at__lt=now - NOTED_EVERY)
    if found.last_used_at is None or found.last_used_at < now - NOTED_EVERY:
        PoolToken.objects.filter(unnoted, pk=found.pk).update(last_used_at=now)
    return found.pool


def revoke(token: PoolToken) -> bool:
    """Its hosts are given nothing more; what they run goes on by the tokens of its jobs. False: it was gone already."""
    deleted, _rows = PoolToken.objects.filter(pk=token.pk).delete()
    return bool(deleted)


class AlreadyRevoked(Exception):
    """Somebody else has taken the token back, or replaced it."""


@transaction.atomic
def replace(token: PoolToken, *, by: User | None = None) -> tuple[PoolToken, str]:
    """Another one in its place, for the same host: the old one stops working now. Raises AlreadyRevoked."""
    if not revoke(token):
        raise AlreadyRevoked
    return make(token.pool, name=token.name, by=by)


@transaction.atomic
def renew(pool: Pool, *, name: str = "") -> str:
    """One token in place of all that the pool has."""
    PoolToken.objects.filter(pool=pool).delete()
    audit.note(None, pool, "one token in place of all")
    return make(pool, name=name)[1]
