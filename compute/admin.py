"""Environments, pools and hosts in the admin. All three come into being by commands and reports, not by forms."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from compute.models import Environment, Pool, RunnerHost


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "created_at")
    list_filter = ("name",)


class HostInline(ReadOnlyInline):
    model = RunnerHost
    fields = ("name", "sandbox", "environments", "building", "seen_at")
    show_change_link = True


@admin.register(Pool)
class PoolAdmin(ReadOnlyAdmin):
    """A pool's token is never shown: `manage.py open_pool` prints it once, when it is made."""

    list_display = ("slug", "trusted")
    fields = ("slug", "trusted")
    inlines = (HostInline,)


@admin.register(RunnerHost)
class RunnerHostAdmin(ReadOnlyAdmin):
    """What each host last said of itself, with what its sandbox enforces."""

    list_display = ("name", "pool", "sandbox", "limits", "gpus", "seen_at")
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
