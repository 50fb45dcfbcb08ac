"""Where code runs: environments, pools of runner hosts, and what each host last said of itself."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from runners.spec import IMAGE_PREFIX


class Environment(models.Model):
    """One version of an installed set of libraries. A TaskVersion pins one, so an upgrade changes no score."""

    name = models.SlugField(_("name"), max_length=40)
    version = models.CharField(_("version"), max_length=40)
    # [[name, version], …] of the lock it is built from
    packages = models.JSONField(_("packages"), default=list)
    # An organiser's own image, "<name>@sha256:<digest>": only hosts with Docker run it. Empty: built by Podium.
    image = models.CharField(_("image"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("environment")
        verbose_name_plural = _("environments")
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="environment_name_version")]

    def __str__(self) -> str:
        return self.identifier

    @property
    def identifier(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def told_as(self) -> str:
        """What a host that can run it lists when it claims."""
        return f"{IMAGE_PREFIX}{self.image}" if self.image else self.identifier


class Pool(models.Model):
    """Runner hosts that may claim the same jobs. Only a trusted pool is ever handed labels."""

    slug = models.SlugField(_("slug"), max_length=40, unique=True)
    trusted = models.BooleanField(_("trusted with labels"), default=False)
    held = models.BooleanField(
        _("held"), default=False, help_text=_("No job is handed out until it is released; what runs goes on.")
    )
    operators = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="pools",
        verbose_name=_("operators"),
        help_text=_("Besides superusers: they hold and release this pool, and drain its hosts."),
    )

    class Meta:
        verbose_name = _("runner pool")
        verbose_name_plural = _("runner pools")

    def __str__(self) -> str:
        return self.slug


class PoolToken(models.Model):
    """A bearer may claim the pool's jobs. Only the digest is kept; the token is shown once."""

    NAME_LENGTH = 120

    pool = models.ForeignKey(
        Pool, on_delete=models.CASCADE, related_name="tokens", verbose_name=_("runner pool")
    )
    name = models.CharField(
        _("name"), max_length=NAME_LENGTH, blank=True, help_text=_("The host or person that it is given to.")
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("created by"),
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("pool token")
        verbose_name_plural = _("pool tokens")

    def __str__(self) -> str:
        return f"{self.pool.slug}: {self.name or '–'}"


class RunnerHost(models.Model):
    """A host that asked for work: what it can run, what it is still building."""

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="hosts", verbose_name=_("pool"))
    name = models.CharField(_("name"), max_length=120)
    environments = models.JSONField(_("environments"), default=list)  # identifiers
    building = models.JSONField(_("being built"), default=dict)  # name -> {"state", "percent", "step"}
    sandbox = models.CharField(_("sandbox"), max_length=20, blank=True)  # "nsjail", "docker", "runsc"
    # Rows of its preflight: [{"limit", "enforced_by", "status", "advice"}]
    preflight = models.JSONField(_("preflight"), default=list)
    devices = models.JSONField(
        _("devices"), default=list
    )  # [{"id", "name", "memory_mb", "state"}], state free, leased or quarantined
    draining = models.BooleanField(
        _("draining"), default=False, help_text=_("Finishes what it runs and is given nothing more.")
    )
    seen_at = models.DateTimeField(_("heard last"))
    # Since when without a pause; empty of one that was last heard by an earlier release.
    heard_from = models.DateTimeField(_("heard since"), null=True, editable=False)

    class Meta:
        verbose_name = _("runner host")
        verbose_name_plural = _("runner hosts")
        constraints = [models.UniqueConstraint(fields=["pool", "name"], name="runner_host_pool_name")]

    def __str__(self) -> str:
        return f"{self.pool.slug}/{self.name}"
