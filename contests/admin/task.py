"""A task's page in the admin: one form for all that a score depends on, saved by the verbs of contests.tasks."""

from __future__ import annotations

import re
from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from compute import pools
from contests import blobs, drafts, publishing, removal, rules, tasks
from contests.admin import stage_limits
from contests.admin.scoping import Base, ContestFilter, Scoped
from contests.admin.task_form import LIMITS, TaskForm, param_field
from contests.models import DataFile, HiddenFile, Phase, Submission, Task, TaskVersion
from contests.organising import contests_of, may_enter
from metrics.catalogue import CATALOGUE

Written = tuple[str, str, int]  # name, sha256, size


def _fieldsets(*, adding: bool) -> list[Any]:
    return [
        (None, {"fields": ["phase", "title", "slug"] if adding else ["title"]}),
        (gettext("What is handed in"), {"fields": ["kinds", "id_column", "target_columns"]}),
        (gettext("Files"), {"fields": ["data_files", "solution", "split", ("public_share", "split_seed")]}),
        (gettext("Hidden test features"), {"fields": ["hidden_files", "hidden_replies"]}),
        (gettext("Metric"), {"fields": ["metric"]}),
        *_param_fieldsets(),
        (gettext("Where programs run"), {"fields": ["environment", "environments", "pool"]}),
        (gettext("Limits of one program"), {"fields": [f"limit_{name}" for name, _label, _unit in LIMITS]}),
        *stage_limits.fieldsets(LIMITS),
    ]


def _param_fieldsets() -> list[Any]:
    """All of them: static/js/admin.js leaves only those of the chosen metric in sight."""
    return [
        (
            gettext("Settings of “%(metric)s”") % {"metric": gettext(metric.title)},
            {
                "classes": ["metric-params", f"metric-{metric.slug}"],
                "fields": [tuple(param_field(metric, param.name) for param in metric.params)],
                "description": gettext("Only used when this metric is chosen."),
            },
        )
        for metric in CATALOGUE.values()
        if metric.params
    ]


@admin.register(Task)
class TaskAdmin(Scoped, Base):
    to_contest = "phase__contest"
    list_display = ("title", "contest", "phase_title", "metric")
    list_filter = (ContestFilter,)
    list_select_related = ("phase__contest",)
    search_fields = ("title", "slug", "phase__contest__title")

    @admin.display(description=_("contest"), ordering="phase__contest__title")
    def contest(self, row: Task) -> str:
        return row.phase.contest.title

    @admin.display(description=_("phase"))
    def phase_title(self, row: Task) -> str:
        return row.phase.title

    @admin.display(description=_("metric"))
    def metric(self, row: Task) -> str:
        version = row.versions.filter(active=True).first()
        return gettext(version.definition.title) if version else "–"

    def contest_id_of(self, row: Task) -> int:
        return row.phase.contest_id

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_enter(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.mine(request, obj)

    def get_urls(self) -> list[URLPattern]:
        own = self.admin_site.admin_view
        remove = self.admin_site.admin_view(self.remove_view)
        activate = self.admin_site.admin_view(self.activate_view)
        return [
            path("<int:pk>/files/<int:file_id>/remove/", remove, name="contests_task_remove_file"),
            path(
                "<int:pk>/hidden/<int:file_id>/remove/",
                self.admin_site.admin_view(self.remove_hidden_view),
                name="contests_task_remove_hidden",
            ),
            path("<int:pk>/remove/", own(self.remove_task_view), name="contests_task_remove"),
            path("<int:pk>/activate/", activate, name="contests_task_activate"),
            *super().get_urls(),
        ]

    def view_on_site(self, obj: Task) -> str:
        return reverse("contests:section", args=[obj.phase.contest.slug, "data"])

    # --- the form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        task = self.get_object(request, object_id) if object_id else None
        phases = Phase.objects.filter(contest__in=contests_of(request)).select_related("contest")
        version = _edited(task) if task else None
        given = (request.POST, request.FILES) if request.method == "POST" else ()
        form = TaskForm(phases, version, *given, initial=_asked_for(request, phases))
        if given and form.is_valid():
            try:
                saved = _save(form, task, version)
            except tasks.InvalidTask as refusal:
                for field, sentence in refusal.messages:
                    form.complain(field, sentence)
            else:
                return self._saved(request, saved, version)
        if request.FILES:
            messages.warning(
                request, gettext("Nothing was saved. Please choose the files again: browsers forget them.")
            )
        return self._form_page(request, form, task, version)

    def _saved(self, request: HttpRequest, saved: TaskVersion, before: TaskVersion | None) -> HttpResponse:
        if before is None:
            self.log_addition(request, saved.task, "added")
            messages.success(request, gettext("The task is there. Next: check it."))
            if not saved.active:
                messages.warning(request, _new_version(saved))
        else:
            self.log_change(request, saved.task, f"saved as version {saved.number}")
            messages.success(request, gettext("Saved."))
        if before is not None and saved.number != before.number:
            messages.warning(request, _new_version(saved))
        if saved.limits.get("gpus", 0) > pools.most_devices(saved.pool_id):
            messages.warning(request, _no_gpus(saved))
        return redirect("admin:contests_task_change", saved.task_id)

    def _form_page(
        self, request: HttpRequest, form: TaskForm, task: Task | None, version: TaskVersion | None
    ) -> HttpResponse:
        fieldsets = _fieldsets(adding=task is None)
        shown = helpers.AdminForm(cast("Any", form), fieldsets, {}, (), model_admin=self)
        context = {
            **self.admin_site.each_context(request),
            "title": task.title if task else gettext("New task"),
            "subtitle": None,
            "adminform": shown,
            "object_id": task.pk if task else None,
            "original": task,
            "is_popup": False,
            "to_field": None,
            "media": self.media + form.media,
            "inline_admin_formsets": [],
            "errors": helpers.AdminErrorList(cast("Any", form), []),
            "preserved_filters": self.get_preserved_filters(request),
            "metrics": CATALOGUE.values(),
            "max_mb": settings.PODIUM_MAX_DATA_MB,
            "has_file_field": True,
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            **(_panel(task, version) if task and version else {}),
        }
        status = 400 if form.errors else 200
        answer = self.render_change_form(
            request, context, add=task is None, change=task is not None, obj=task
        )
        answer.status_code = status
        return answer

    # --- drafts, deleting, files

    def remove_task_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        task = self.get_object(request, str(pk))
        contest = task.phase.contest
        why = removal.hindrance(Submission.objects.filter(runs__task_version__task=task))
        if request.method == "POST":
            try:
                removal.remove_task(task)
            except removal.InUse as refusal:
                why = refusal.message
            else:
                messages.success(request, gettext("“%(title)s” is deleted.") % {"title": task.title})
                return redirect("admin:contests_contest_change", contest.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Delete the task"),
            "contest": contest,
            "task": task,
            "why": why,
        }
        return TemplateResponse(request, "admin/contests/task/remove.html", context)

    def activate_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Ask, then judge by the draft from now on."""
        task = self.get_object(request, str(pk))
        version = _edited(task)
        problems = publishing.task_problems(version) if task.phase.contest.published else []
        if request.method == "POST" and not version.active:
            try:
                tasks.activate(version)
            except publishing.CannotPublish as refusal:
                problems = refusal.messages
            else:
                self.log_change(request, task, f"version {version.number} in force")
                messages.success(request, gettext("What comes from now on is judged by this version."))
                return redirect("admin:contests_task_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Put version %(number)s in force") % {"number": version.number},
            "task": task,
            "version": version,
            "problems": problems,
        }
        return TemplateResponse(request, "admin/contests/task/activate.html", context)

    def remove_view(self, request: HttpRequest, pk: int, file_id: int) -> HttpResponseBase:
        """Ask, then take a file away from contestants."""
        return self._remove_file(request, pk, file_id, hidden=False)

    def remove_hidden_view(self, request: HttpRequest, pk: int, file_id: int) -> HttpResponseBase:
        """Ask, then take hidden features away from contestants' programs."""
        return self._remove_file(request, pk, file_id, hidden=True)

    def _remove_file(self, request: HttpRequest, pk: int, file_id: int, *, hidden: bool) -> HttpResponseBase:
        task = self.get_object(request, str(pk))
        version = _edited(task)
        rows: Any = HiddenFile if hidden else DataFile
        file: DataFile | HiddenFile = get_object_or_404(rows, pk=file_id, task_version=version)
        if request.method == "POST":
            saved = _without(version, file)
            self.log_change(request, task, f"removed {file.name}")
            return self._saved(request, saved, version)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Remove a file"),
            "task": task,
            "file": file,
            "hidden": hidden,
        }
        return TemplateResponse(request, "admin/contests/task/remove_file.html", context)


def _without(version: TaskVersion, file: DataFile | HiddenFile) -> TaskVersion:
    remove = tasks.remove_file if isinstance(file, DataFile) else tasks.remove_hidden_file
    return remove(version, file.name)


def _edited(task: Task) -> TaskVersion:
    version = drafts.edited(task)
    if version is None:
        raise Http404
    return version


def _no_gpus(saved: TaskVersion) -> str:
    words = ngettext(
        "No runner host of the pool “%(pool)s” has a GPU in working order now: programs will wait.",
        "No runner host of the pool “%(pool)s” has %(count)d GPUs in working order now: programs will wait.",
        saved.limits["gpus"],
    )
    return words % {"pool": saved.pool.slug, "count": saved.limits["gpus"]}


def _new_version(saved: TaskVersion) -> str:
    if saved.active:
        words = gettext(
            "There are submissions already, so this is a new version (%(number)s): what comes from now on is "
            "judged by it. Earlier scores stay as they are until you judge those submissions again, which this "
            "page offers."
        )
    else:
        words = gettext(
            "The contest is published, so this is a draft (version %(number)s): contestants do not see it and "
            "nothing is judged by it. Check it, then put it in force."
        )
    return words % {"number": saved.number}


def _asked_for(request: HttpRequest, phases: Any) -> dict[str, Any]:
    """The phase that the link named, else the newest."""
    wanted = request.GET.get("phase", "")
    chosen = phases.filter(pk=wanted).first() if re.fullmatch(r"[0-9]{1,18}", wanted) else None
    return {"phase": chosen or phases.order_by("-pk").first()}


def _panel(task: Task, version: TaskVersion) -> dict[str, Any]:
    """What is shown above the form of a task that is there: its files, its check, submissions of earlier versions."""
    earlier = _judged_earlier(task, version) if version.active else 0
    words = ngettext(
        "%(count)d submission was judged by an earlier version only.",
        "%(count)d submissions were judged by an earlier version only.",
        earlier,
    )
    return {
        "version": version,
        "files": version.files.select_related("blob"),
        "hidden_files": version.hidden_files.select_related("blob"),
        "solution": version.solution,
        "check": publishing.latest_check(version),
        "earlier": words % {"count": earlier} if earlier else "",
        "contest": task.phase.contest,
    }


def _judged_earlier(task: Task, version: TaskVersion) -> int:
    judged = Submission.objects.filter(runs__task_version__task=task, trial=False)
    return judged.exclude(runs__task_version=version).distinct().count()


def _save(form: TaskForm, task: Task | None, version: TaskVersion | None) -> TaskVersion:
    """The task as the form says it. Bytes are written before the transaction: it should not hold a lock for them."""
    given = form.cleaned_data
    files, hidden = ([_written(file) for file in given[name]] for name in ("data_files", "hidden_files"))
    solution = _written(given["solution"]) if given["solution"] else None
    with transaction.atomic():
        wanted = form.wanted()
        if solution is not None:
            wanted["solution"] = blobs.record(*solution[1:])
        if version is None:
            saved = tasks.create_task(given["phase"], title=given["title"], slug=given["slug"], **wanted)
        else:
            Task.objects.filter(pk=version.task_id).update(title=given["title"])
            changes = _changed(version, wanted)
            saved = tasks.revise(version, **changes) if changes else version
        for name, sha256, size in files:
            saved = tasks.set_file(saved, name, blobs.record(sha256, size))
        for name, sha256, size in hidden:
            saved = tasks.set_hidden_file(saved, name, blobs.record(sha256, size))
    return saved


def _changed(version: TaskVersion, wanted: dict[str, Any]) -> dict[str, Any]:
    """Only what differs: saving a form as it was makes no new version."""
    now: dict[str, Any] = {name: getattr(version, name) for name in wanted if name != "environments"}
    if version.metric in CATALOGUE:
        now["metric_params"] = version.definition.complete(version.metric_params)
    changes = {name: wanted[name] for name in now if wanted[name] != now[name]}
    if {e.pk for e in wanted["environments"]} != {e.pk for e in version.environments.all()}:
        changes["environments"] = wanted["environments"]
    return changes


def _written(file: UploadedFile[Any]) -> Written:
    return (
        rules.safe_filename(file.name or ""),
        *blobs.write(file.chunks(), max_bytes=settings.PODIUM_MAX_DATA_MB << 20),
    )
