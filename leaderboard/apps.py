from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LeaderboardConfig(AppConfig):
    name = "leaderboard"
    verbose_name = _("Leaderboards")

    def ready(self) -> None:
        from contests import joining  # noqa: PLC0415 - models are loaded only now
        from leaderboard import renaming  # noqa: PLC0415

        joining.after_rename.append(renaming.tell)
