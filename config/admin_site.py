"""The administration: open to superusers, to staff (who may open contests) and to whoever organises a contest.

What each of them sees there is decided by the room's own admin classes (contests.admin.scoping). Whoever is not signed
in goes to the site's own login page, with its rate limits; Django's second one is not used.
"""

from __future__ import annotations

import functools
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contests import organising
from rest.throttles import a_minute

# As an organiser needs them; what is not named here follows as Django sorts it.
_ORDER = ("Contest", "Task", "StarterCode", "Participation", "Submission", "Check", "Team")


class PodiumAdminSite(AdminSite):
    site_header = _("Administration")
    site_title = "Podium"
    index_title = _("Administration")
    enable_nav_sidebar = False  # a list of every model beside every form helps nobody with one contest

    def has_permission(self, request: HttpRequest) -> bool:
        return organising.may_enter(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - as Django calls it
        """An organiser's forms that carry files count with the uploads of the API."""
        counted = a_minute("uploads", methods=("POST",))(view)

        def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            carries_files = request.content_type == "multipart/form-data"
            return (counted if carries_files else view)(request, *args, **kwargs)

        return super().admin_view(functools.update_wrapper(opened, view), cacheable)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["models"].sort(key=lambda model: _place(model["object_name"]))
        return sorted(apps, key=lambda app: app["app_label"] != "contests")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        wanted = request.GET.get("next") or reverse("admin:index")
        if self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(wanted)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:  # a redirect, which the stubs do not expect
        """On the site's own page, with its rate limit and what it says of tokens."""
        return redirect("account_change_password")


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)
