"""People in the admin: for superusers only. Nobody else sees who has an account, and nobody raises their own rights."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import reset_links, rights
from accounts.long_lists import LongList
from accounts.models import User
from accounts.password_forms import PasswordByAdministratorForm

MOST_LINKS = 20  # at a time: they are shown in messages, which a browser keeps

admin.site.unregister(
    Group
)  # rights come from being a superuser, staff, or organiser of a contest; groups give none


@admin.register(User)
class PodiumUserAdmin(LongList, UserAdmin):
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
    change_password_form = PasswordByAdministratorForm
    readonly_fields = ("last_login", "date_joined")
    actions = ("make_reset_links",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("display_name", "first_name", "last_name", "email")}),
        (
            _("Rights"),
            {
                "fields": ("is_active", "is_staff", "is_superuser"),
                "description": _("Superusers see and change everything, other people's contests too."),
            },
        ),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )

    @admin.action(description=_("Make a link by which the person chooses a new password"))
    def make_reset_links(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Shown once, to whoever asked; each works once, for three days."""
        for user in queryset[:MOST_LINKS]:
            try:
                link = request.build_absolute_uri(reset_links.path_for(user))
            except reset_links.NoSuchLink as error:
                messages.error(request, str(error))
            else:
                words = gettext("For %(name)s, once, for three days: %(link)s")
                messages.success(request, words % {"name": user.username, "link": link})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if field is not None and db_field.name == "is_staff":
            field.label = _("May open contests")
            field.help_text = _("Such a person opens contests here and sees only their own.")
        return field

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
    return rights.runs_site(request.user)
