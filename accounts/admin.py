"""People in the admin: for superusers only. Nobody else sees who has an account, and nobody raises their own rights."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User

admin.site.unregister(
    Group
)  # rights come from being a superuser, staff, or organiser of a contest; groups give none


@admin.register(User)
class PodiumUserAdmin(UserAdmin):
    """`is_staff` is what opens contests; who organises one is said on the contest's own page."""

    list_display = (
        "username",
        "display_name",
        "email",
        "is_staff",
        "is_superuser",
        "is_active",
        "date_joined",
    )
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("username", "display_name", "email")
    filter_horizontal = ()
    show_full_result_count = False
    list_per_page = 50
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("display_name", "first_name", "last_name", "email")}),
        (
            _("Rights"),
            {
                "fields": ("is_active", "is_staff", "is_superuser"),
                "description": _(
                    "Staff may open contests here and see only their own. Superusers see and change everything."
                ),
            },
        ),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return _superuser(request)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return _superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return _superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return _superuser(request)


def _superuser(request: HttpRequest) -> bool:
    user = request.user
    return isinstance(user, User) and user.is_active and user.is_superuser
