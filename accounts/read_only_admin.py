"""Admin pages that show and never change: what the judge wrote stays as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from accounts.long_lists import LongList

if TYPE_CHECKING:
    ShownInline = admin.TabularInline[Model, Model]
else:
    ShownInline = admin.TabularInline


class _NoChanges:
    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadOnlyAdmin(_NoChanges, LongList):
    """A list of them, and each by itself."""


class ReadOnlyInline(_NoChanges, ShownInline):
    extra = 0

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """All that is shown: Django would else look for columns that set themselves in the form."""
        return tuple(str(name) for name in self.fields or ())
