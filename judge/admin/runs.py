"""Runs and jobs in the admin: where an operator looks when something waits or fails."""

from __future__ import annotations

from django.contrib import admin

from accounts.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from judge.models import Job, Run, RunFile


class JobInline(ReadOnlyInline):
    model = Job
    fields = ("kind", "status", "attempt", "pool", "host", "error", "queued_at", "claimed_at", "finished_at")


class RunFileInline(ReadOnlyInline):
    model = RunFile
    fields = ("name", "blob")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "submission__filename",
        "submission__user",
        "task_version",
        "status",
        "verdict",
        "started_at",
        "finished_at",
    )
    list_filter = ("status", "verdict")
    list_select_related = ("submission__user", "task_version__task")
    inlines = (JobInline, RunFileInline)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "status", "pool", "attempt", "host", "lease_until", "queued_at")
    list_filter = ("status", "kind", "pool")
    list_select_related = ("pool",)
    search_fields = ("=id", "host")
    exclude = ("token_digest",)
