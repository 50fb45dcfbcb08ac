"""Pools in the admin: what waits and runs where, and the buttons that hold, release, drain and let work again.

For superusers, whom alone Django's permissions show a pool. A pool's token is never shown: `manage.py open_pool` prints
it once, when it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts import rights
from accounts.read_only_admin import ReadOnlyAdmin
from compute.models import Pool, RunnerHost
from judge import operating

Verb = Callable[[Any], None]


@admin.register(Pool)
class PoolAdmin(ReadOnlyAdmin):
    list_display = ("slug", "trusted", "on_hold", "waiting", "running")
    fields = ("slug", "trusted", "on_hold")
    readonly_fields = ("on_hold",)
    change_form_template = "admin/compute/pool/page.html"

    @admin.display(description=_("on hold"), boolean=True)
    def on_hold(self, pool: Pool) -> bool:
        return pool.held

    @admin.display(description=_("waiting"))
    def waiting(self, pool: Pool) -> int:
        return operating.overview(pool).waiting

    @admin.display(description=_("running"))
    def running(self, pool: Pool) -> int:
        return operating.overview(pool).running

    def get_urls(self) -> list[URLPattern]:
        def own(view: Any) -> Any:
            return self.admin_site.admin_view(require_POST(view))

        return [
            path("<int:pk>/hold/", own(self.hold_view), name="compute_pool_hold"),
            path("<int:pk>/release/", own(self.release_view), name="compute_pool_release"),
            path("hosts/<int:pk>/drain/", own(self.drain_view), name="compute_pool_drain"),
            path("hosts/<int:pk>/resume/", own(self.resume_view), name="compute_pool_resume"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        pool = Pool.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        shown = {"overview": operating.overview(pool), "title": pool.slug, "subtitle": None} if pool else {}
        return super().change_view(request, object_id, form_url, shown | (extra_context or {}))

    def hold_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._on_pool(request, pk, operating.hold, gettext("“%(pool)s” is held."))

    def release_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._on_pool(request, pk, operating.release, gettext("“%(pool)s” is released."))

    def drain_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._on_host(request, pk, operating.drain, gettext("“%(host)s” is given nothing more."))

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._on_host(request, pk, operating.resume, gettext("“%(host)s” works again."))

    def _on_pool(self, request: HttpRequest, pk: int, verb: Verb, said: str) -> HttpResponseBase:
        _for_operators(request)
        pool = Pool.objects.filter(pk=pk).first()
        if pool is None:
            raise Http404
        verb(pool)
        messages.success(request, said % {"pool": pool.slug})
        return redirect("admin:compute_pool_change", pool.pk)

    def _on_host(self, request: HttpRequest, pk: int, verb: Verb, said: str) -> HttpResponseBase:
        _for_operators(request)
        host = RunnerHost.objects.select_related("pool").filter(pk=pk).first()
        if host is None:
            raise Http404
        verb(host)
        messages.success(request, said % {"host": host.name})
        return redirect("admin:compute_pool_change", host.pool_id)


def _for_operators(request: HttpRequest) -> None:
    if not rights.runs_site(request.user):
        raise PermissionDenied
