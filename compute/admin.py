"""Environments and hosts in the admin; pools, with what waits in them, are in judge.admin.

They come into being by commands and reports, not by forms; only an image of an organiser's own is entered here.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import rights
from accounts.read_only_admin import ReadOnlyAdmin
from compute import own_images
from compute.models import Environment, RunnerHost
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
