"""Runs and jobs in the admin: where an operator looks when something waits or fails."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from contests.admin.columns import SubmissionColumns
from judge.models import Job, Run, RunFile
from runners.verdict import Verdict


class JobInline(ReadOnlyInline):
    model = Job
    fields = ("kind", "status", "attempt", "pool", "host", "error", "queued_at", "claimed_at", "finished_at")


class RunFileInline(ReadOnlyInline):
    model = RunFile
    fields = ("name", "blob")


class VerdictFilter(admin.SimpleListFilter):
    """Django's filter would look through all runs for the verdicts that occur."""

    title = _("verdict")
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(verdict.value, verdict.value) for verdict in Verdict]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset if self.value() is None else queryset.filter(verdict=self.value())


@admin.register(Run)
class RunAdmin(SubmissionColumns, ReadOnlyAdmin):
    list_display = (
        "id",
        "file_name",
        "person",
        "task_version",
        "status",
        "verdict",
        "started_at",
        "finished_at",
    )
    list_filter = ("status", VerdictFilter)
    list_fetches = ("submission__user", "task_version__task")
    inlines = (JobInline, RunFileInline)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "status", "pool", "attempt", "host", "lease_until", "queued_at")
    list_filter = ("status", "kind", "pool")
    list_fetches = ("pool",)
    search_fields = ("=id", "host")
    exclude = ("token_digest",)
