"""What the operators tell everybody: maintenance and incidents, the current one and those that are over."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Notice(models.Model):
    """A banner on every page while it is `current`; afterwards a line on the status page."""

    message = models.CharField(_("message"), max_length=300)
    message_zh = models.CharField(_("message in Chinese"), max_length=300, blank=True)
    read_only = models.BooleanField(
        _("read-only"),
        default=False,
        help_text=_("Nothing can be handed in or changed; pages stay readable, and what runs goes on."),
    )
    current = models.BooleanField(_("shown now"), default=True)
    started_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    ended_at = models.DateTimeField(_("until"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["current"], condition=Q(current=True), name="one_current_notice")
        ]

    def __str__(self) -> str:
        return self.message
