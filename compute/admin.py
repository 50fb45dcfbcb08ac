"""Environments, pools and hosts in the admin. All three come into being by commands and reports, not by forms."""

from __future__ import annotations

from django.contrib import admin

from accounts.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from compute.models import Environment, Pool, RunnerHost


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "created_at")
    list_filter = ("name",)


class HostInline(ReadOnlyInline):
    model = RunnerHost
    fields = ("name", "environments", "building", "seen_at")


@admin.register(Pool)
class PoolAdmin(ReadOnlyAdmin):
    """A pool's token is never shown: `manage.py` prints a new one when asked."""

    list_display = ("slug", "trusted")
    fields = ("slug", "trusted")
    inlines = (HostInline,)
