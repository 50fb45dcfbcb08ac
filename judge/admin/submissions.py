"""Submissions in the admin: an organiser looks, filters, judges again, calls back and tries the task out.

What was handed in never changes.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from contests.admin.scoping import ContestFilter, ScopedReadOnly
from contests.models import Submission
from judge import cancel as cancelling
from judge import intake, own_queue, rejudging, trials
from judge.admin import own_queue as own_queue_page
from judge.admin.acting import own_phase, own_task, own_version, who
from judge.admin.trying import TryForm


@admin.register(Submission)
class SubmissionAdmin(ScopedReadOnly):
    list_display = (
        "filename", "person", "name_on_board", "contest", "status", "verdict", "public_score", "trial", "created_at",
    )  # fmt: skip
    list_filter = (ContestFilter, "status", "verdict", "kind", "trial")
    search_fields = ("=id", "user__username", "team__name", "filename")
    list_fetches = ("user", "contest", "team")
    fields = (
        "contest", "phase", "name_on_board", "person", "filename", "kind", "environment", "note", "trial",
        "created_at", "finished_at", "status", "verdict", "public_score", "private_score",
    )  # fmt: skip
    readonly_fields = ("person", "name_on_board")
    actions = ("prefer", "rejudge", "cancel")

    @admin.display(description=_("person"), ordering="user__username")
    def person(self, row: Submission) -> str:
        return row.user.username

    @admin.display(description=_("name on the board"), ordering="team__name")
    def name_on_board(self, row: Submission) -> str:
        return row.team.name

    def view_on_site(self, obj: Submission) -> str:
        return reverse("judge:submission", args=[obj.pk])

    @admin.action(description=_("Judge the selected submissions again"))
    def rejudge(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = 0
        for submission in queryset:
            try:
                rejudging.rejudge(submission)
            except rejudging.CannotRejudge as refusal:
                messages.error(request, f"“{submission.filename}”: {refusal.message}")
            else:
                count += 1
        if count:
            messages.success(request, _judged_again(count))

    @admin.action(description=_("Cancel the selected submissions"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = sum(cancelling.cancel(submission) for submission in queryset)
        words = ngettext(
            "%(count)d submission was cancelled.", "%(count)d submissions were cancelled.", count
        )
        messages.success(request, words % {"count": count})

    @admin.action(description=_("Judge the selected submissions next"))
    def prefer(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        count = sum(own_queue.prefer(submission, by=who(request)) for submission in queryset)
        words = ngettext(
            "%(count)d submission goes before the rest of its contest.",
            "%(count)d submissions go before the rest of their contest.",
            count,
        )
        messages.success(request, words % {"count": count})

    # --- pages beside the list

    def get_urls(self) -> list[URLPattern]:
        own = self.admin_site.admin_view
        return [
            path("rejudge/<int:phase_id>/", own(self.rejudge_view), name="contests_submission_rejudge"),
            path("queue/<int:contest_id>/", own(self.queue_view), name="contests_submission_queue"),
            path("try/<int:task_id>/", own(self.try_view), name="contests_submission_try"),
            *super().get_urls(),
        ]

    def rejudge_view(self, request: HttpRequest, phase_id: int) -> HttpResponseBase:
        """Ask with the number, then judge everything of a phase again."""
        phase = own_phase(request, phase_id)
        if request.method == "POST":
            messages.success(request, _judged_again(rejudging.rejudge_phase(phase)))
            return redirect(f"{reverse('admin:contests_submission_changelist')}?contest={phase.contest.slug}")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Judge all submissions again"),
            "phase": phase,
            "contest": phase.contest,
            "count": rejudging.to_rejudge(phase).count(),
        }
        return TemplateResponse(request, "admin/contests/submission/rejudge.html", context)

    def queue_view(self, request: HttpRequest, contest_id: int) -> HttpResponseBase:
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        return own_queue_page.view(request, contest_id, context)

    def try_view(self, request: HttpRequest, task_id: int) -> HttpResponseBase:
        """An organiser hands in like a contestant: judged for real, on no board, whatever the dates say."""
        task = own_task(request, task_id)
        version = own_version(task)
        form = TryForm(version, *((request.POST, request.FILES) if request.method == "POST" else ()))
        if request.method == "POST" and form.is_valid():
            try:
                submission = trials.hand_in(
                    user=who(request),
                    version=version,
                    file=form.cleaned_data["file"],
                    environment=form.cleaned_data["environment"].identifier,
                )
            except intake.Rejected as rejected:
                form.add_error("file", rejected.message)
            else:
                return redirect("judge:submission", submission.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Try a submission yourself"),
            "task": task,
            "contest": task.phase.contest,
            "form": form,
        }
        status = 400 if form.errors else 200
        return TemplateResponse(request, "admin/contests/submission/try.html", context, status=status)


def _judged_again(count: int) -> str:
    words = ngettext(
        "%(count)d submission is judged again.", "%(count)d submissions are judged again.", count
    )
    return words % {"count": count}
