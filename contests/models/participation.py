"""Who takes part: teams, and people in them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contests.models.contest import Contest


class Team(models.Model):
    """Who stands on a board. A contestant alone is a team of one. Its row is the lock that makes quotas exact."""

    contest = models.ForeignKey(
        Contest, on_delete=models.CASCADE, related_name="teams", verbose_name=_("contest")
    )
    name = models.CharField(_("name"), max_length=60)
    name_key = models.CharField(
        max_length=240, blank=True, editable=False
    )  # contests.names.key, told apart by

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        constraints = [
            models.UniqueConstraint(
                fields=["contest", "name_key"], condition=~Q(name_key=""), name="team_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Participation(models.Model):
    """A person takes part in a contest, in one team. Only ACTIVE ones may hand in.

    `rules_digest` is contests.joining.rules_digest of the rules the person accepted: changed rules are asked again.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("takes part")
        PENDING = "pending", _("waits for approval")
        REFUSED = "refused", _("refused")

    contest = models.ForeignKey(
        Contest, on_delete=models.CASCADE, related_name="participations", verbose_name=_("contest")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="participations",
        verbose_name=_("user"),
    )
    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, related_name="participations", verbose_name=_("team")
    )
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.ACTIVE)
    rules_digest = models.CharField(max_length=64, blank=True)
    rules_accepted_at = models.DateTimeField(_("rules accepted at"), null=True, blank=True)
    joined_at = models.DateTimeField(_("joined"), auto_now_add=True)

    class Meta:
        verbose_name = _("participation")
        verbose_name_plural = _("participations")
        constraints = [models.UniqueConstraint(fields=["contest", "user"], name="participation_once")]
        indexes = [models.Index(fields=["contest", "joined_at", "id"], name="participation_joined")]
