"""The administration: open to superusers, to staff (who may open contests) and to whoever organises a contest.

What each of them sees there is decided by the room's own admin classes (contests.admin.scoping). Whoever is not signed
in goes to the site's own login page, with its rate limits; Django's second one is not used.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contests import organising


class PodiumAdminSite(AdminSite):
    site_header = _("Administration")
    site_title = "Podium"
    index_title = _("Administration")
    enable_nav_sidebar = False  # a list of every model beside every form helps nobody with one contest

    def has_permission(self, request: HttpRequest) -> bool:
        return organising.may_enter(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        wanted = request.GET.get("next") or reverse("admin:index")
        if self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(wanted)
