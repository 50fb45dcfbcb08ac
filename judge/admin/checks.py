"""The check of a task in the admin: started by a button, followed on its page, all mistakes listed at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from contests import check_texts, publishing
from contests.admin.scoping import ContestFilter, ScopedReadOnly
from contests.models import Check, Task
from judge import checking, queue
from judge.admin.acting import own_task, own_version, who


@admin.register(Check)
class CheckAdmin(ScopedReadOnly):
    to_contest = "task_version__task__phase__contest"
    list_display = ("id", "contest", "task_version", "status", "started_by", "created_at", "finished_at")
    list_filter = (ContestFilter, "status")
    list_select_related = ("task_version__task__phase__contest", "started_by")

    @admin.display(description=_("contest"))
    def contest(self, row: Check) -> str:
        return row.task_version.task.phase.contest.title

    def get_urls(self) -> list[URLPattern]:
        start = self.admin_site.admin_view(require_POST(self.start_view))
        return [path("start/<int:task_id>/", start, name="contests_check_start"), *super().get_urls()]

    def start_view(self, request: HttpRequest, task_id: int) -> HttpResponse:
        task = own_task(request, task_id)
        version = own_version(task, number=request.POST.get("version", ""))
        try:
            check = checking.start(version, who(request))
        except checking.CannotCheck as refusal:
            messages.error(request, refusal.message)
            return redirect("admin:contests_task_change", task.pk)
        return redirect("admin:contests_check_change", check.pk)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        check = self.get_object(request, object_id or "")
        version = check.task_version
        latest = publishing.latest_check(version)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Check of “%(task)s”") % {"task": version.task.title},
            "check": check,
            "task": version.task,
            "contest": version.task.phase.contest,
            "under_way": check.status not in Check.ENDED,
            "waits": queue.check_waits_for(check) if check.status not in Check.ENDED else [],
            "outdated": latest is None or latest.pk != check.pk,
            "findings": [_shown(found, version.task) for found in check.findings],
            "notes": [check_texts.sentence(note) for note in check.notes],
            "trials": check.trials.order_by("created_at", "pk"),
        }
        return TemplateResponse(request, "admin/contests/check/page.html", context)


def _shown(found: dict[str, Any], task: Task) -> dict[str, str]:
    """A mistake with the page where it is mended."""
    if str(found.get("code", "")).startswith("baseline"):
        where = reverse("admin:contests_startercode_changelist")
        where += f"?contest={task.phase.contest.slug}"
    else:
        where = reverse("admin:contests_task_change", args=[task.pk])
    return {"sentence": check_texts.sentence(found), "where": where}
