"""A team has a new name: its boards move, so that spectators and cached pages show it."""

from __future__ import annotations

from django.db.models import F

from contests.models import Team
from leaderboard.models import Board


def tell(team: Team) -> None:
    """Called by contests.joining inside the transaction that renames the team."""
    Board.objects.filter(entries__team=team).update(version=F("version") + 1)
