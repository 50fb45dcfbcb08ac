"""Environments, hosts and the tokens of pools in the admin; pools, with what waits in them, are in judge.admin.

They come into being by commands and reports, not by forms; only an image of an organiser's own is entered here, and a
token made, replaced and revoked.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import rights
from accounts.long_lists import LongList
from accounts.read_only_admin import ReadOnlyAdmin
from compute import own_images, pool_tokens
from compute.models import Environment, PoolToken, RunnerHost
from compute.own_images import OwnImageForm


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    """An environment is never changed: scores rest on it. A new image is a new row."""

    form = OwnImageForm
    list_display = ("name", "version", "image", "created_at")
    list_filter = ("name",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        shown = ("name", "version", "image", "packages", "created_at")
        return shown if obj is not None else ("name", "image")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return rights.runs_site(request.user)

    def save_model(self, request: HttpRequest, obj: Model, form: object, change: bool) -> None:  # noqa: FBT001
        assert isinstance(obj, Environment)  # noqa: S101 - for the type checker
        obj.version = own_images.version_of(obj.image)
        super().save_model(request, obj, form, change)


@admin.register(RunnerHost)
class RunnerHostAdmin(ReadOnlyAdmin):
    """What each host last said of itself, with what its sandbox enforces."""

    list_display = ("name", "pool", "sandbox", "limits", "gpus", "draining", "seen_at")
    list_filter = ("pool", "sandbox")
    list_select_related = ("pool",)
    fields = ("pool", "name", "sandbox", "enforced", "gpus", "environments", "building", "seen_at")

    @admin.display(description=_("limits"))
    def limits(self, host: RunnerHost) -> str:
        """The weakest of them, for the list."""
        if not host.preflight:
            return gettext("not told")
        soft = [row["limit"] for row in host.preflight if row["status"] == "soft"]
        missing = [row["limit"] for row in host.preflight if row["status"] == "missing"]
        if missing:
            return gettext("not enforced: %(limits)s") % {"limits": ", ".join(missing)}
        if soft:
            return gettext("only watched: %(limits)s") % {"limits": ", ".join(soft)}
        return gettext("all enforced")

    @admin.display(description=_("GPUs"))
    def gpus(self, host: RunnerHost) -> SafeString | str:
        """Each with its state; of one that nothing may run on, why."""
        if not host.devices:
            return "–"
        states = {
            "free": gettext("free"),
            "leased": gettext("in use by a run"),
            "cleaning": gettext("being cleaned"),
            "quarantined": gettext("quarantined"),
        }
        told = (
            (device["name"], device["memory_mb"], device["id"], states.get(device["state"], device["state"]),
             f" ({device['reason']})" if device.get("reason") else "")
            for device in host.devices
        )  # fmt: skip
        return format_html_join(mark_safe("<br>"), "{}, {} MB, {}: <strong>{}</strong>{}", told)

    @admin.display(description=_("what its sandbox enforces"))
    def enforced(self, host: RunnerHost) -> SafeString | str:
        """The rows of its preflight, as the host printed them."""
        if not host.preflight:
            return gettext("not told")
        names = ("limit", "status", "enforced_by", "advice")
        rows = [[row.get(name, "") for name in names] for row in host.preflight]
        body = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
        heads = (_("limit"), _("held"), _("enforced by"), _("what to do"))
        head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in heads))
        return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


@admin.register(PoolToken)
class PoolTokenAdmin(LongList):
    """Superusers see who was given which token and when it was last used; the token itself is shown once."""

    list_display = ("__str__", "pool", "created_at", "created_by", "last_used_at", "instead")
    list_filter = ("pool",)
    list_select_related = ("pool", "created_by")
    fields = ("pool", "name", "created_at", "created_by", "last_used_at")
    actions = None
    ordering = ("pool__slug", "-created_at")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return (
            ("pool", "name") if obj is None else ("pool", "name", "created_at", "created_by", "last_used_at")
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.runs_site(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return rights.runs_site(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return rights.runs_site(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return rights.runs_site(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="")
    def instead(self, token: PoolToken) -> SafeString:
        link = '<a href="{}">{}</a>'
        return format_html(
            f"{link} · {link}",
            reverse("admin:compute_pooltoken_replace", args=[token.pk]),
            gettext("Replace"),
            reverse("admin:compute_pooltoken_delete", args=[token.pk]),
            gettext("Revoke"),
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.replace_view)
        return [path("<int:pk>/replace/", view, name="compute_pooltoken_replace"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Any, form: object, change: bool) -> None:  # noqa: FBT001
        made, obj.told = pool_tokens.make(obj.pool, name=obj.name, by=rights.known(request.user))
        obj.pk = made.pk

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._show(request, obj, obj.told)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        pool_tokens.revoke(obj)

    def replace_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        token = PoolToken.objects.select_related("pool").filter(pk=pk).first()
        if token is None or not rights.runs_site(request.user):
            raise Http404
        if request.method != "POST":
            return TemplateResponse(
                request, "admin/compute/pooltoken/replace.html", self._around(request, token)
            )
        try:
            with transaction.atomic():
                self.log_deletions(request, PoolToken.objects.filter(pk=pk))
                made, told = pool_tokens.replace(token, by=rights.known(request.user))
                self.log_addition(request, made, [{"added": {}}])
        except pool_tokens.AlreadyRevoked as error:  # pressed twice
            raise Http404 from error
        return self._show(request, made, told)

    def _show(self, request: HttpRequest, token: PoolToken, told: str) -> HttpResponse:
        """No redirect: it is kept nowhere, and the administration lets nobody on the way keep a page."""
        shown = self._around(request, token) | {"told": told}
        return TemplateResponse(request, "admin/compute/pooltoken/shown.html", shown)

    def _around(self, request: HttpRequest, token: PoolToken) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(token),
            "token": token,
        }
