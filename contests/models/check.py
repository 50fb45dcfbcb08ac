"""The record of one check of a task: the real validator's findings, before a contest may be published."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from contests.models.submission import Submission
from contests.models.task import TaskVersion


class Check(models.Model):
    """One check of a task version. `digest` is contests.publishing.fingerprint of what was checked.

    `findings` lists mistakes as {"code", "params", "message"}, message in English; none of them means GREEN.
    `notes` have the same form and stand in nobody's way. `trials` are the organisers' baselines, judged for real and
    counted nowhere.
    """

    class Status(models.TextChoices):
        QUEUED = "QUEUED", _("queued")
        RUNNING = "RUNNING", _("running")
        GREEN = "GREEN", _("passed")
        RED = "RED", _("mistakes found")
        FAILED = "FAILED", _("failed")  # our fault; says nothing about the task

    ENDED = (Status.GREEN, Status.RED, Status.FAILED)

    task_version = models.ForeignKey(
        TaskVersion, on_delete=models.CASCADE, related_name="checks", verbose_name=_("task version")
    )
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("started by"),
    )
    status = models.CharField(_("status"), max_length=8, choices=Status.choices, default=Status.QUEUED)
    digest = models.CharField(max_length=64)
    findings = models.JSONField(_("findings"), default=list)
    notes = models.JSONField(_("notes"), default=list)
    rows = models.JSONField(_("rows"), default=dict)  # {"public", "private", "ignored"}
    trials = models.ManyToManyField(Submission, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("check")
        verbose_name_plural = _("checks")
        ordering = ["-created_at", "-id"]
