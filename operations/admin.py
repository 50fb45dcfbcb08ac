"""The banner, for superusers: whoever adds a notice shows it at once, in place of the one before."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from operations import notices
from operations.models import Notice


@admin.register(Notice)
class NoticeAdmin(admin.ModelAdmin):
    list_display = ("message", "read_only", "current", "started_at", "ended_at")
    fields = ("message", "message_zh", "read_only")
    actions = ("take_down",)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False  # the status page tells what was

    def save_model(self, request: HttpRequest, obj: Notice, form: ModelForm[Notice], change: Any) -> None:
        if change:
            super().save_model(request, obj, form, change)
            notices.forget()
            return
        shown = notices.announce(obj.message, message_zh=obj.message_zh, read_only=obj.read_only)
        obj.__dict__.update(shown.__dict__)

    @admin.action(description=_("Take the banner down and open the doors"))
    def take_down(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        notices.end()
