"""What was handed in."""

from __future__ import annotations

import hashlib
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compute.models import Environment
from contests import access
from contests.models.blob import Blob
from contests.models.contest import Contest, Phase
from contests.models.participation import Team
from runners.verdict import Verdict

NO_FILE = hashlib.sha256(b"").hexdigest()


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def visible_to(self, user: object) -> SubmissionQuerySet:
        return self.filter(access.reads_submissions(user))


class Submission(models.Model):
    class Kind(models.TextChoices):
        PREDICTIONS = "predictions", _("predictions")
        SCRIPT = "script", _("script")
        NOTEBOOK = "notebook", _("notebook")
        PROJECT = "project", _("project")

    class Status(models.TextChoices):
        QUEUED = "QUEUED", _("queued")
        RUNNING = "RUNNING", _("running")
        SCORING = "SCORING", _("scoring")
        FINISHED = "FINISHED", _("finished")
        FAILED = "FAILED", _("failed")
        CANCELLED = "CANCELLED", _("cancelled")

    TERMINAL = (Status.FINISHED, Status.FAILED, Status.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    contest = models.ForeignKey(
        Contest, on_delete=models.PROTECT, related_name="submissions", verbose_name=_("contest")
    )
    phase = models.ForeignKey(
        Phase, on_delete=models.PROTECT, related_name="submissions", verbose_name=_("phase")
    )
    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, related_name="submissions", verbose_name=_("team")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="submissions", verbose_name=_("user")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    filename = models.CharField(_("file name"), max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    environment = models.ForeignKey(
        Environment, on_delete=models.PROTECT, related_name="+", verbose_name=_("environment")
    )
    note = models.CharField(_("note"), max_length=300, blank=True)
    trial = models.BooleanField(_("trial"), default=False)  # an organiser's own try: no quota, on no board
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - NULLs do not collide
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.QUEUED)
    verdict = models.CharField(
        _("verdict"), max_length=32, blank=True, choices=[(v.value, v.value) for v in Verdict]
    )
    public_score = models.FloatField(_("public score"), null=True, blank=True)
    private_score = models.FloatField(_("private score"), null=True, blank=True)

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="submission_idempotency_key"),
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.SCORED.value) | Q(public_score__isnull=False),
                name="scored_has_a_score",
            ),
        ]
        indexes = [
            models.Index(fields=["contest", "team", "created_at"], name="submission_contest_team"),
            models.Index(fields=["user", "-created_at"], name="submission_user_recent"),
            # The lists of organisers and operators, and what they filter them by.
            models.Index(fields=["-created_at", "-id"], name="submission_recent"),
            models.Index(fields=["contest", "-created_at", "-id"], name="submission_contest_recent"),
            models.Index(fields=["status", "-created_at", "-id"], name="submission_status_recent"),
            models.Index(fields=["verdict", "-created_at", "-id"], name="submission_verdict_recent"),
            models.Index(
                fields=["contest", "verdict", "-created_at", "-id"], name="submission_contest_verdict"
            ),
            models.Index(fields=["contest", "public_score"], name="submission_contest_score"),
            models.Index(fields=["user", "contest", "-created_at", "-id"], name="submission_user_contest"),
        ]

    @property
    def file_kept(self) -> bool:
        """Whether the file that was handed in is still there. An empty one was never taken."""
        return self.blob_id != NO_FILE

    @property
    def is_terminal(self) -> bool:
        return self.status in self.TERMINAL
