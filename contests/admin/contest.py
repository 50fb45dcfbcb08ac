"""A contest's page in the admin: words, phases, what is still to do, and the buttons that publish and hide it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import ModelForm
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts import rights
from accounts.models import User
from contests import copying, joining, markdown, opening, publishing, removal, storage
from contests.admin import checklist
from contests.admin.contest_form import ContestForm, PhaseForm
from contests.admin.scoping import Base, Scoped, ScopedInline
from contests.models import Contest, Participation, Phase, Submission
from contests.organising import may_open_contests, person
from contests.templatetags.podium import megabytes

if TYPE_CHECKING:
    PhaseStackedInline = admin.StackedInline[Phase, Contest]
    PhaseFormSet = BaseInlineFormSet[Phase, Contest, PhaseForm]
else:
    PhaseStackedInline = admin.StackedInline
    PhaseFormSet = BaseInlineFormSet

_CHINESE = ("title_zh", "summary_zh", "description_zh", "evaluation_zh", "data_description_zh", "rules_zh")
_UPKEEP = ("queue_weight", "retention_days", "storage_mb", "space_used")


class PhaseInline(ScopedInline, PhaseStackedInline):
    model = Phase
    form = PhaseForm
    extra = 0
    min_num = 1
    fields = (
        "title",
        ("starts_at", "ends_at", "private_revealed_at"),
        ("daily_limit", "total_limit", "pending_limit", "gpu_minutes_limit"),
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.mine(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.mine(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.mine(request, obj)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).order_by("position")

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **options)

        class Kept(formset.form):  # type: ignore[misc]
            def hand_clean_DELETE(self) -> None:  # noqa: N802 - Django's own names every row that is in the way
                if self.cleaned_data.get("DELETE") and self.instance.tasks.exists():
                    words = gettext("“%(phase)s” has a task. Delete the task first, on its own page.")
                    raise ValidationError(words % {"phase": self.instance.title})

        formset.form = Kept
        return formset


@admin.register(Contest)
class ContestAdmin(Scoped, Base):
    to_contest = "pk"
    form = ContestForm
    list_display = ("title", "slug", "published", "created_at")
    list_filter = ("published",)
    search_fields = ("title", "slug")
    prepopulated_fields = {"slug": ("title",)}
    inlines = (PhaseInline,)
    save_on_top = False
    readonly_fields = ("space_used",)
    fieldsets = (
        (None, {"fields": ("title", "slug", "summary")}),
        (
            _("Pages, in Markdown"),
            {"fields": ("description", "evaluation", "data_description", "licence", "rules")},
        ),
        (_("The same in Chinese"), {"classes": ("collapse",), "fields": _CHINESE}),
        (
            _("Who may take part"),
            {"fields": ("registration", "invite_code", "email_domains", "pseudonymous")},
        ),
        (_("Organisers"), {"fields": ("organiser_names",)}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Contest | None = None) -> Any:
        """What a contest may take from others is for those who run the site to say."""
        shown = super().get_fieldsets(request, obj)
        if not rights.runs_site(request.user):
            return shown
        return (*shown, (_("For those who run this site"), {"fields": _UPKEEP}))

    @admin.display(description=_("Files handed in so far"))
    def space_used(self, obj: Contest) -> str:
        return megabytes(storage.used(obj) / (1 << 20)) if obj.pk else "–"

    # --- rights

    def contest_id_of(self, row: Any) -> int:
        return int(row.pk)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_open_contests(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.mine(request, obj)

    # --- pages

    def get_prepopulated_fields(self, request: HttpRequest, obj: Contest | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def get_urls(self) -> list[URLPattern]:
        def own(view: Any) -> Any:
            return self.admin_site.admin_view(view)

        return [
            path("<int:pk>/publish/", own(self.publish_view), name="contests_contest_publish"),
            path("<int:pk>/hide/", own(self.hide_view), name="contests_contest_hide"),
            path("<int:pk>/remove/", own(self.remove_view), name="contests_contest_remove"),
            path("<int:pk>/copy/", own(self.copy_view), name="contests_contest_copy"),
            path("<int:pk>/preview/", own(require_POST(self.preview_view)), name="contests_contest_preview"),
            path("<int:pk>/invite/", own(self.invite_view), name="contests_contest_invite"),
            *super().get_urls(),
        ]

    def view_on_site(self, obj: Contest) -> str:
        return reverse("contests:contest", args=[obj.slug])

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        contest = self.get_object(request, object_id)
        waiting = contest.participations.filter(state=Participation.State.PENDING).count()
        context = {
            "checklist": checklist.of(contest),
            "title": contest.title,
            "subtitle": None,
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
            "waiting": waiting,
            "join_link": request.build_absolute_uri(reverse("contests:join", args=[contest.slug])),
            "may_copy": may_open_contests(request),
        }
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def response_add(
        self, request: HttpRequest, obj: Contest, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to the page that says what comes next, instead of back to the list."""
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        messages.success(request, gettext("The contest is there, still hidden. Next: its task."))
        return redirect("admin:contests_contest_change", obj.pk)

    def response_change(self, request: HttpRequest, obj: Contest) -> HttpResponse:
        messages.success(request, gettext("Saved."))
        if not obj.is_organised_by(request.user):  # who took their own name off the list
            return redirect("admin:contests_contest_changelist")
        return redirect("admin:contests_contest_change", obj.pk)

    # --- saving

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        super().save_related(request, form, formsets, change)
        contest = form.instance
        organisers = form.cleaned_data["organiser_names"]
        user = person(request)
        if not change and not rights.runs_site(user):
            organisers = [*organisers, user]
        contest.organisers.set(organisers if organisers or change else [user])
        if opening.needs_code(contest):
            opening.new_code(contest)
        joining.hide_names(contest)
        for first, second in opening.overlapping(contest):
            messages.info(
                request,
                gettext(
                    "“%(first)s” and “%(second)s” overlap: while both are open, "
                    "what is handed in counts for “%(first)s”."
                )
                % {"first": first.title, "second": second.title},
            )

    def save_formset(
        self,
        request: HttpRequest,
        form: ModelForm[Any],
        formset: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        phases = formset.save(commit=False)
        for phase in formset.deleted_objects:
            phase.delete()
        for phase in phases:
            if phase.pk is None:
                phase.position = opening.next_position(form.instance)
            phase.save()
        formset.save_m2m()

    # --- publishing and hiding, each asked for once more

    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        contest = self.get_object(request, str(pk))
        problems = [] if contest.published else publishing.problems(contest)
        if request.method == "POST":
            try:
                publishing.publish(contest)
            except publishing.CannotPublish as refusal:
                problems = refusal.messages
            else:
                self.log_change(request, contest, "published")
                messages.success(request, gettext("Published: everybody sees it now."))
                return redirect("admin:contests_contest_change", pk)
        return self._ask(request, contest, "admin/contests/contest/publish.html", problems=problems)

    def hide_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        contest = self.get_object(request, str(pk))
        if request.method == "POST":
            publishing.hide(contest)
            self.log_change(request, contest, "hidden")
            messages.success(request, gettext("Hidden: only organisers see it now. Nothing was deleted."))
            return redirect("admin:contests_contest_change", pk)
        handed_in = Submission.objects.filter(contest=contest, trial=False).count()
        words = ngettext("%(count)d submission stays.", "%(count)d submissions stay.", handed_in)
        return self._ask(
            request, contest, "admin/contests/contest/hide.html", kept=words % {"count": handed_in}
        )

    def invite_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        contest = self.get_object(request, str(pk))
        if request.method == "POST":
            opening.new_code(contest)
            messages.success(
                request, gettext("There is a new invitation code. The old one no longer opens anything.")
            )
        return redirect("admin:contests_contest_change", pk)

    def remove_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Django's own page would list every row that goes; what matters is whether anybody has handed in."""
        contest = self.get_object(request, str(pk))
        why = removal.hindrance(Submission.objects.filter(contest=contest))
        if request.method == "POST":
            try:
                removal.remove_contest(contest)
            except removal.InUse as refusal:
                why = refusal.message
            else:
                messages.success(request, gettext("“%(title)s” is deleted.") % {"title": contest.title})
                return redirect("admin:contests_contest_changelist")
        return self._ask(request, contest, "admin/contests/contest/remove.html", why=why)

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The words, phases and tasks again under another address: for the next term."""
        contest = self.get_object(request, str(pk))
        if not may_open_contests(request):
            raise PermissionDenied
        if request.method == "POST":
            copied = copying.copy_contest(contest, who=cast("User", request.user))
            self.log_addition(request, copied, "copied")
            messages.success(
                request, gettext("This is the copy, hidden. Give it its own title, address and dates.")
            )
            return redirect("admin:contests_contest_change", copied.pk)
        return self._ask(request, contest, "admin/contests/contest/copy.html")

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Markdown as contestants will see it, for the button beside a text (static/js/admin.js)."""
        self.get_object(request, str(pk))
        return HttpResponse(markdown.render(request.POST.get("text", "")[:200_000]))

    def _ask(self, request: HttpRequest, contest: Contest, template: str, **more: Any) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": contest.title,
            "contest": contest,
            **more,
        }
        return TemplateResponse(request, template, context)
