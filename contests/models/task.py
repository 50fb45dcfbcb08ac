"""A task and its versions: data, solution, metric, limits and environment, pinned."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compute.models import Environment, Pool
from contests import access
from contests.models.blob import Blob
from contests.models.contest import Contest, Phase
from metrics import catalogue
from runners.spec import Limits


class Task(models.Model):
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="tasks", verbose_name=_("phase"))
    slug = models.SlugField(_("slug"), max_length=60)
    title = models.CharField(_("title"), max_length=120)
    position = models.PositiveSmallIntegerField(_("position"), default=1)

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
        if not access.reads_before_the_start(user, contest):
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
    # "predictions", "script", "notebook", "project"
    kinds = models.JSONField(_("kinds of submission"), default=list)
    metric = models.CharField(_("metric"), max_length=40)
    metric_params = models.JSONField(_("metric parameters"), default=dict, blank=True)
    id_column = models.CharField(_("id column"), max_length=100, default="id")
    target_columns = models.JSONField(_("target columns"), default=list)
    test_features_public = models.BooleanField(_("test features are public"), default=True)
    limits = models.JSONField(_("limits"), default=default_limits)
    # {"train": limits, "predict": limits} of projects; a stage without an entry has `limits`.
    stage_limits = models.JSONField(_("limits by stage"), default=dict, blank=True)
    # How many failures beside hidden features are explained to a team each day; each explanation tells a little.
    hidden_replies = models.PositiveSmallIntegerField(_("explained failures a day"), default=5)
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="+", verbose_name=_("runner pool"))
    environment = models.ForeignKey(
        Environment, on_delete=models.PROTECT, related_name="+", verbose_name=_("default environment")
    )
    environments = models.ManyToManyField(
        Environment, related_name="+", blank=True, verbose_name=_("environments")
    )
    scoring_environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    solution = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    # Where the solution has no Usage column the scorer draws the public rows: a seeded, stratified share in percent.
    public_share = models.PositiveSmallIntegerField(_("public share in percent"), null=True, blank=True)
    split_seed = models.PositiveIntegerField(_("seed of the public share"), default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

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

    @property
    def hides_features(self) -> bool:
        """Whether programs run beside data that no contestant may see: then what they say is withheld."""
        return self.hidden_files.exists()


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


class HiddenFile(models.Model):
    """Hidden features: only a run whose log is withheld finds it in /input, in place of a public file of its name.

    A table of its own, so that nothing that lists or hands out data files can hand out one of these.
    """

    task_version = models.ForeignKey(TaskVersion, on_delete=models.CASCADE, related_name="hidden_files")
    name = models.CharField(max_length=120)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("hidden file")
        verbose_name_plural = _("hidden files")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["task_version", "name"], name="hidden_file_name")]


class StarterCode(models.Model):
    """A sample submission shown on the contest page."""

    contest = models.ForeignKey(
        Contest, on_delete=models.CASCADE, related_name="starters", verbose_name=_("contest")
    )
    name = models.CharField(_("name"), max_length=120)
    title = models.CharField(_("title"), max_length=120)
    title_zh = models.CharField(_("title in Chinese"), max_length=120, blank=True)
    environment = models.ForeignKey(
        Environment, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("environment")
    )
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    baseline = models.BooleanField(
        _("baseline"),
        default=False,
        help_text=_(
            "Judged for real at every check: a baseline that fails keeps a contest from being published."
        ),
    )

    class Meta:
        verbose_name = _("starter code")
        verbose_name_plural = _("starter code")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["contest", "name"], name="starter_code_name")]
