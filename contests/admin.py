"""Contests in the admin: words, dates, organisers and publishing can be changed; what scores depend on is pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from contests import publishing
from contests.models import (
    Contest,
    DataFile,
    Participation,
    Phase,
    StarterCode,
    Submission,
    TaskVersion,
    Team,
)

if TYPE_CHECKING:
    ContestModelAdmin = admin.ModelAdmin[Contest]
    PhaseTabularInline = admin.TabularInline[Phase, Contest]
else:
    ContestModelAdmin = admin.ModelAdmin
    PhaseTabularInline = admin.TabularInline


class PhaseInline(PhaseTabularInline):
    model = Phase
    extra = 0
    fields = ("title", "position", "starts_at", "ends_at", "private_revealed_at", "daily_limit")


class StarterInline(ReadOnlyInline):
    model = StarterCode
    fields = ("name", "title", "environment", "position")


@admin.register(Contest)
class ContestAdmin(ContestModelAdmin):
    list_display = ("title", "slug", "published", "created_at")
    list_filter = ("published",)
    search_fields = ("title", "slug")
    filter_horizontal = ("organisers",)
    readonly_fields = ("published",)  # by the actions below, which check what is missing
    inlines = (PhaseInline, StarterInline)
    actions = ("publish", "withdraw")

    @admin.action(description=_("Publish the selected contests"))
    def publish(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        for contest in queryset:
            try:
                publishing.publish(contest)
            except publishing.CannotPublish as refusal:
                for message in refusal.messages:
                    messages.error(request, f"{contest}: {message}")

    @admin.action(description=_("Hide the selected contests"))
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Contest]) -> None:
        queryset.update(published=False)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # submissions and scores point here


class DataFileInline(ReadOnlyInline):
    model = DataFile
    fields = ("name", "blob")


@admin.register(TaskVersion)
class TaskVersionAdmin(ReadOnlyAdmin):
    list_display = ("task", "number", "active", "metric", "pool", "environment")
    list_filter = ("active", "metric")
    exclude = ("solution",)  # the labels' blob is named nowhere
    inlines = (DataFileInline,)


class ParticipationInline(ReadOnlyInline):
    model = Participation
    fields = ("user", "joined_at")


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    list_display = ("name", "contest")
    list_filter = ("contest",)
    search_fields = ("name",)
    inlines = (ParticipationInline,)


@admin.register(Submission)
class SubmissionAdmin(ReadOnlyAdmin):
    list_display = ("filename", "user", "contest", "status", "verdict", "public_score", "created_at")
    list_filter = ("contest", "status", "verdict", "kind")
    search_fields = ("=id", "user__username", "filename")
    list_select_related = ("user", "contest")
    exclude = ("idempotency_key",)
