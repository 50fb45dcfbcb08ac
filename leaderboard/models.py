"""Scores, the append-only log of what moved a board, and the materialised standing.

Every public number can be recomputed: a BoardEntry is a fold over its ScoreEvents (leaderboard.boards.rebuild).
"""

from __future__ import annotations

import sys

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contests.models import Phase, Submission, TaskVersion, Team

_LARGEST = sys.float_info.max


def _finite(field: str) -> Q:
    # NaN compares false with everything, infinities lie beyond the largest double: neither passes.
    return Q(**{f"{field}__gte": -_LARGEST, f"{field}__lte": _LARGEST})


class Score(models.Model):
    """What one submission reached on one task version.

    Written once, never edited: a rejudge adds the next generation.
    """

    submission = models.ForeignKey(
        Submission, on_delete=models.PROTECT, related_name="scores", verbose_name=_("submission")
    )
    task_version = models.ForeignKey(
        TaskVersion, on_delete=models.PROTECT, related_name="scores", verbose_name=_("task version")
    )
    generation = models.PositiveSmallIntegerField(_("generation"), default=1)
    public = models.FloatField(_("public score"))
    private = models.FloatField(_("private score"))
    feedback = models.JSONField(default=dict)
    scorer_digest = models.CharField(max_length=64)
    environment = models.CharField(_("environment"), max_length=90)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        constraints = [
            models.UniqueConstraint(
                fields=["submission", "task_version", "generation"], name="one_counted_score"
            ),
            models.CheckConstraint(condition=_finite("public"), name="public_score_is_finite"),
            models.CheckConstraint(condition=_finite("private"), name="private_score_is_finite"),
        ]


class Board(models.Model):
    """A phase's standing for one audience. `version` counts changes, `epoch` changes when history is rewritten."""

    class Audience(models.TextChoices):
        PUBLIC = "public", _("public")
        FINAL = "final", _("final")

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="boards", verbose_name=_("phase"))
    audience = models.CharField(_("audience"), max_length=10, choices=Audience.choices)
    epoch = models.PositiveIntegerField(_("epoch"), default=1)
    version = models.PositiveBigIntegerField(_("version"), default=0)

    class Meta:
        verbose_name = _("board")
        verbose_name_plural = _("boards")
        constraints = [models.UniqueConstraint(fields=["phase", "audience"], name="board_phase_audience")]

    @property
    def topic(self) -> str:
        return f"board.{self.pk}"

    @property
    def event_id(self) -> str:
        return f"{self.epoch}-{self.version}"


class ScoreEvent(models.Model):
    """A counted score arrived on a board, making it `version`. Of several events of a submission the latest counts.

    Without a value it says that a rejudge took the submission's score away.
    """

    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="events")
    version = models.PositiveBigIntegerField()
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="+")
    generation = models.PositiveSmallIntegerField(default=1)
    value = models.FloatField(null=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("score event")
        verbose_name_plural = _("score events")
        ordering = ["board_id", "version"]
        constraints = [
            models.UniqueConstraint(fields=["board", "version"], name="score_event_version"),
            models.UniqueConstraint(fields=["board", "submission", "generation"], name="score_event_once"),
            models.CheckConstraint(
                condition=Q(value__isnull=True) | _finite("value"), name="score_event_is_finite"
            ),
        ]


class BoardEntry(models.Model):
    """A team's place on a board. `key` sorts ascending whatever the metric's direction."""

    board = models.ForeignKey(
        Board, on_delete=models.CASCADE, related_name="entries", verbose_name=_("board")
    )
    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, related_name="board_entries", verbose_name=_("team")
    )
    key = models.FloatField()
    score = models.FloatField(_("score"))
    submissions = models.PositiveIntegerField(_("submissions"))
    best_submission = models.ForeignKey(
        Submission, on_delete=models.PROTECT, related_name="+", verbose_name=_("best submission")
    )
    last_improved_at = models.DateTimeField(_("last improved at"))

    class Meta:
        verbose_name = _("board entry")
        verbose_name_plural = _("board entries")
        ordering = ["key", "last_improved_at", "team_id"]
        constraints = [
            models.UniqueConstraint(fields=["board", "team"], name="board_entry_once"),
            models.CheckConstraint(condition=_finite("key"), name="board_key_is_finite"),
        ]
        indexes = [models.Index(fields=["board", "key", "last_improved_at", "team"], name="board_entry_rank")]
