"""What organisers define, who takes part, and what was handed in.

A TaskVersion pins everything a score depends on (data, solution, metric, limits, environment). A Submission never
changes but for its summary (status, verdict, scores), which the judge writes in the transactions that change a Run.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compute.models import Environment, Pool
from metrics import catalogue
from runners.spec import Limits
from runners.verdict import Verdict


class Blob(models.Model):
    """A file by its content. The bytes lie in the blob store under the same name."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)


class ContestQuerySet(models.QuerySet["Contest"]):
    def visible_to(self, user: object) -> ContestQuerySet:
        if getattr(user, "is_staff", False):
            return self
        shown = Q(published=True)
        if getattr(user, "is_authenticated", False):
            shown |= Q(organisers=user)
        return self.filter(shown).distinct()


class Contest(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(_("title"), max_length=120)
    title_zh = models.CharField(_("title in Chinese"), max_length=120, blank=True)
    summary = models.CharField(_("summary"), max_length=300, blank=True)
    summary_zh = models.CharField(_("summary in Chinese"), max_length=300, blank=True)
    description = models.TextField(_("description (Markdown)"), blank=True)
    description_zh = models.TextField(_("description in Chinese (Markdown)"), blank=True)
    published = models.BooleanField(_("published"), default=False)
    organisers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="contests", verbose_name=_("organisers")
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ContestQuerySet.as_manager()

    class Meta:
        verbose_name = _("contest")
        verbose_name_plural = _("contests")
        ordering = ["-created_at", "slug"]

    def __str__(self) -> str:
        return self.title

    def is_organised_by(self, user: object) -> bool:
        if getattr(user, "is_staff", False):
            return True
        return isinstance(user, AbstractBaseUser) and self.organisers.filter(pk=user.pk).exists()


class Phase(models.Model):
    contest = models.ForeignKey(Contest, on_delete=models.CASCADE, related_name="phases")
    title = models.CharField(_("title"), max_length=120, default="Main")
    position = models.PositiveSmallIntegerField(default=1)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    private_revealed_at = models.DateTimeField(_("private scores shown from"), null=True, blank=True)
    daily_limit = models.PositiveIntegerField(_("submissions a day"), default=50)

    class Meta:
        verbose_name = _("phase")
        verbose_name_plural = _("phases")
        ordering = ["contest_id", "position"]
        constraints = [models.UniqueConstraint(fields=["contest", "position"], name="phase_contest_position")]

    def __str__(self) -> str:
        return f"{self.contest.slug}: {self.title}"

    @property
    def private_revealed(self) -> bool:
        return self.private_revealed_at is not None and self.private_revealed_at <= timezone.now()


class Task(models.Model):
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="tasks")
    slug = models.SlugField(max_length=60)
    title = models.CharField(_("title"), max_length=120)
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering = ["phase_id", "position"]
        constraints = [models.UniqueConstraint(fields=["phase", "slug"], name="task_phase_slug")]

    def __str__(self) -> str:
        return self.title


def default_limits() -> dict[str, object]:
    return Limits().as_json()


class TaskVersionQuerySet(models.QuerySet["TaskVersion"]):
    def shown_to(self, user: object, contest: Contest) -> TaskVersionQuerySet:
        """The active versions of a contest, in order; those of phases yet to start only to its organisers."""
        shown = self.filter(task__phase__contest=contest, active=True)
        if not contest.is_organised_by(user):
            shown = shown.filter(task__phase__starts_at__lte=timezone.now())
        return (
            shown.select_related("task__phase__contest", "environment")
            .prefetch_related("files__blob", "environments")
            .order_by("task__phase__position", "task__position")
        )


class TaskVersion(models.Model):
    """Everything a score depends on, pinned. `active` is the version that new submissions are judged by."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(default=1)
    active = models.BooleanField(default=True)
    kinds = models.JSONField(_("kinds of submission"), default=list)  # "predictions", "script"
    metric = models.CharField(_("metric"), max_length=40)
    metric_params = models.JSONField(_("metric parameters"), default=dict, blank=True)
    id_column = models.CharField(_("id column"), max_length=100, default="id")
    target_columns = models.JSONField(_("target columns"), default=list)
    test_features_public = models.BooleanField(_("test features are public"), default=True)
    limits = models.JSONField(_("limits"), default=default_limits)
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="+", verbose_name=_("runner pool"))
    environment = models.ForeignKey(
        Environment, on_delete=models.PROTECT, related_name="+", verbose_name=_("default environment")
    )
    environments = models.ManyToManyField(
        Environment, related_name="+", blank=True, verbose_name=_("environments")
    )
    scoring_environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    solution = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")

    objects = TaskVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("task version")
        verbose_name_plural = _("task versions")
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="task_version_number"),
            models.UniqueConstraint(
                fields=["task"], condition=Q(active=True), name="one_active_task_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task.slug} v{self.number}"

    @property
    def definition(self) -> catalogue.Metric:
        return catalogue.CATALOGUE[self.metric]


class DataFile(models.Model):
    """A file contestants may download and find in /input. Labels are never one."""

    task_version = models.ForeignKey(TaskVersion, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=120)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("data file")
        verbose_name_plural = _("data files")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["task_version", "name"], name="data_file_name")]


class StarterCode(models.Model):
    """A sample submission shown on the contest page."""

    contest = models.ForeignKey(Contest, on_delete=models.CASCADE, related_name="starters")
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    title_zh = models.CharField(max_length=120, blank=True)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, null=True, related_name="+")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        verbose_name = _("starter code")
        verbose_name_plural = _("starter code")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["contest", "name"], name="starter_code_name")]


class Team(models.Model):
    """Who stands on a board. A contestant alone is a team of one. Its row is the lock that makes quotas exact."""

    contest = models.ForeignKey(Contest, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(_("name"), max_length=60)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")

    def __str__(self) -> str:
        return self.name


class Participation(models.Model):
    """A person takes part in a contest, in one team."""

    contest = models.ForeignKey(Contest, on_delete=models.CASCADE, related_name="participations")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="participations"
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="participations")
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("participation")
        verbose_name_plural = _("participations")
        constraints = [models.UniqueConstraint(fields=["contest", "user"], name="participation_once")]


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def visible_to(self, user: object) -> SubmissionQuerySet:
        """A contestant sees only their own; organisers see those of their contests; staff see all."""
        if not getattr(user, "is_authenticated", False):
            return self.none()
        if getattr(user, "is_staff", False):
            return self
        return self.filter(Q(user=user) | Q(contest__organisers=user)).distinct()


class Submission(models.Model):
    class Kind(models.TextChoices):
        PREDICTIONS = "predictions", _("predictions")
        SCRIPT = "script", _("script")

    class Status(models.TextChoices):
        QUEUED = "QUEUED", _("queued")
        RUNNING = "RUNNING", _("running")
        SCORING = "SCORING", _("scoring")
        FINISHED = "FINISHED", _("finished")
        FAILED = "FAILED", _("failed")
        CANCELLED = "CANCELLED", _("cancelled")

    TERMINAL = (Status.FINISHED, Status.FAILED, Status.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    contest = models.ForeignKey(Contest, on_delete=models.PROTECT, related_name="submissions")
    phase = models.ForeignKey(Phase, on_delete=models.PROTECT, related_name="submissions")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="submissions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="submissions")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    filename = models.CharField(max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=300, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - NULLs do not collide
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    verdict = models.CharField(max_length=32, blank=True, choices=[(v.value, v.value) for v in Verdict])
    public_score = models.FloatField(null=True, blank=True)
    private_score = models.FloatField(null=True, blank=True)

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
        ]

    @property
    def is_terminal(self) -> bool:
        return self.status in self.TERMINAL
