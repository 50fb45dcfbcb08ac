"""A contest with its words, who may enter it, and its phases."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contests import access


class ContestQuerySet(models.QuerySet["Contest"]):
    def visible_to(self, user: object) -> ContestQuerySet:
        return self.filter(access.reads_contests(user))

    def organised_by(self, user: object) -> ContestQuerySet:
        return self.filter(access.organises_at(user))


class Contest(models.Model):
    class Registration(models.TextChoices):
        OPEN = "open", _("open: everybody may join")
        INVITE = "invite", _("by invitation: who has the code may join")
        DOMAIN = "domain", _("by e-mail domain: a confirmed address of a listed domain")
        APPROVAL = "approval", _("by approval: organisers admit each person")
        CLOSED = "closed", _("closed: nobody else may join")

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    title = models.CharField(_("title"), max_length=120)
    title_zh = models.CharField(_("title in Chinese"), max_length=120, blank=True)
    summary = models.CharField(_("summary"), max_length=300, blank=True)
    summary_zh = models.CharField(_("summary in Chinese"), max_length=300, blank=True)
    description = models.TextField(_("description (Markdown)"), blank=True)
    description_zh = models.TextField(_("description in Chinese (Markdown)"), blank=True)
    evaluation = models.TextField(_("evaluation (Markdown)"), blank=True)
    evaluation_zh = models.TextField(_("evaluation in Chinese (Markdown)"), blank=True)
    data_description = models.TextField(_("about the data (Markdown)"), blank=True)
    data_description_zh = models.TextField(_("about the data in Chinese (Markdown)"), blank=True)
    licence = models.CharField(_("licence of the data"), max_length=200, blank=True)
    rules = models.TextField(
        _("rules to accept (Markdown)"),
        blank=True,
        help_text=_("Where there are rules, data and submissions are for those who accepted them."),
    )
    rules_zh = models.TextField(_("rules in Chinese (Markdown)"), blank=True)
    registration = models.CharField(
        _("registration"), max_length=10, choices=Registration.choices, default=Registration.OPEN
    )
    invite_code = models.CharField(_("invitation code"), max_length=60, blank=True)
    email_domains = models.CharField(
        _("e-mail domains"),
        max_length=300,
        blank=True,
        help_text=_("Separated by commas, for example: uni-a.edu, uni-b.edu"),
    )
    pseudonymous = models.BooleanField(
        _("boards show made-up names"),
        default=False,
        help_text=_("Each contestant gets a pseudonym on the board; organisers still see who is who."),
    )
    published = models.BooleanField(_("published"), default=False)
    queue_weight = models.PositiveSmallIntegerField(
        _("weight in the queue"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("A contest of weight 3 gets three times the turns of one of weight 1 while both wait."),
    )
    # What runs left behind (logs, output files, usage) is removed so long after they ended; empty: never.
    retention_days = models.PositiveIntegerField(
        _("days that logs and outputs are kept"), null=True, blank=True, help_text=_("Empty: for ever.")
    )
    storage_mb = models.PositiveIntegerField(
        _("storage of its submissions (MB)"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    organisers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="contests", verbose_name=_("organisers")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = ContestQuerySet.as_manager()

    class Meta:
        verbose_name = _("contest")
        verbose_name_plural = _("contests")
        ordering = ["-created_at", "slug"]

    def __str__(self) -> str:
        return self.title

    def is_organised_by(self, user: object) -> bool:
        return access.organises(user, self)


class Phase(models.Model):
    contest = models.ForeignKey(Contest, on_delete=models.CASCADE, related_name="phases")
    title = models.CharField(_("title"), max_length=120, default="Main")
    position = models.PositiveSmallIntegerField(default=1)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    private_revealed_at = models.DateTimeField(_("private scores shown from"), null=True, blank=True)
    daily_limit = models.PositiveIntegerField(_("submissions a day"), default=50)
    total_limit = models.PositiveIntegerField(
        _("submissions in total"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    pending_limit = models.PositiveIntegerField(
        _("submissions waiting or running at once"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    gpu_minutes_limit = models.PositiveIntegerField(
        _("GPU minutes in total"),
        null=True,
        blank=True,
        help_text=_("Of a team in this phase. Empty: no limit."),
    )

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
