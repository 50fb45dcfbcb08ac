"""Pools in the admin: what waits and runs where, and the buttons that hold, release, drain and let work again.

For superusers, and for the people whom a pool names its operators: they see that pool and no other. A pool's token is
never shown: `manage.py open_pool` prints it once, when it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts import rights
from accounts.read_only_admin import ReadOnlyAdmin
from compute import pools
from compute.models import Pool, RunnerHost
from contests import organising
from judge import operating
from judge.admin.acting import who
from judge.models import Job

Verb = Callable[..., None]


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
        return int(pool.waiting)  # type: ignore[attr-defined]

    @admin.display(description=_("running"))
    def running(self, pool: Pool) -> int:
        return int(pool.running)  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With what waits and runs, counted in the one query of the list."""
        own = pools.operated_by(request.user)
        rows = own if own.exists() else Pool.objects.all()  # to the others all are refused
        return rows.annotate(waiting=_count(Job.Status.QUEUED), running=_count(Job.Status.RUNNING))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return pools.operated_by(request.user).exists()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        found = pools.operated_by(request.user)
        return (found if obj is None else found.filter(pk=obj.pk)).exists()

    def get_urls(self) -> list[URLPattern]:
        def own(view: Any) -> Any:
            return self.admin_site.admin_view(require_POST(view))

        return [
            path("<int:pk>/hold/", own(self.hold_view), name="compute_pool_hold"),
            path("<int:pk>/release/", own(self.release_view), name="compute_pool_release"),
            path("<int:pk>/operators/", own(self.operators_view), name="compute_pool_operators"),
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
        of = pools.operated_by(request.user)
        pool = of.filter(pk=object_id).first() if object_id.isdecimal() else None
        shown: dict[str, Any] = {}
        if pool is not None:
            shown = {"overview": operating.overview(pool), "title": pool.slug, "subtitle": None}
            shown["runs_site"] = rights.runs_site(request.user)
            shown["operators"] = " ".join(sorted(pool.operators.values_list("username", flat=True)))
        return super().change_view(request, object_id, form_url, shown | (extra_context or {}))

    def hold_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._on_pool(request, pk, operating.hold, gettext("“%(pool)s” is held."))

    def release_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._on_pool(request, pk, operating.release, gettext("“%(pool)s” is released."))

    def drain_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._on_host(request, pk, operating.drain, gettext("“%(host)s” is given nothing more."))

    def resume_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        return self._on_host(request, pk, operating.resume, gettext("“%(host)s” works again."))

    def operators_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Who operates a pool is for superusers to say."""
        if not rights.runs_site(request.user):
            raise PermissionDenied
        pool = _own_pool(request, pk)
        people, unknown = organising.named(request.POST.get("operators", "").replace(",", " ").split())
        if unknown:
            words = gettext("There is no account with this username: %(names)s")
            messages.error(request, words % {"names": ", ".join(unknown)})
        else:
            operating.name_operators(pool, people, by=who(request))
            messages.success(request, gettext("Saved."))
        return redirect("admin:compute_pool_change", pool.pk)

    def _on_pool(self, request: HttpRequest, pk: int, verb: Verb, said: str) -> HttpResponseBase:
        pool = _own_pool(request, pk)
        verb(pool, by=who(request))
        messages.success(request, said % {"pool": pool.slug})
        return redirect("admin:compute_pool_change", pool.pk)

    def _on_host(self, request: HttpRequest, pk: int, verb: Verb, said: str) -> HttpResponseBase:
        own = _operated(request)
        host = RunnerHost.objects.select_related("pool").filter(pk=pk, pool__in=own).first()
        if host is None:
            raise Http404
        verb(host, by=who(request))
        messages.success(request, said % {"host": host.name})
        return redirect("admin:compute_pool_change", host.pool_id)


def _operated(request: HttpRequest) -> QuerySet[Pool]:
    found = pools.operated_by(request.user)
    if not found.exists():
        raise PermissionDenied
    return found


def _own_pool(request: HttpRequest, pk: int) -> Pool:
    pool = _operated(request).filter(pk=pk).first()
    if pool is None:
        raise Http404
    return pool


def _count(status: Job.Status) -> Coalesce:
    """How many jobs of a pool are in a state, from an index; joined, they would be counted over all that ever ran."""
    own = Job.objects.filter(pool=OuterRef("pk"), status=status).order_by().values("pool")
    return Coalesce(Subquery(own.annotate(count=Count("pk")).values("count"), output_field=IntegerField()), 0)
