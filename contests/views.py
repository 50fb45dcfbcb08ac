"""The pages of contests: the list, and one contest section by section."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from contests import blobs, downloads, preview, schedule
from contests.models import Contest, DataFile, StarterCode, TaskVersion

SECTIONS = ("data", "evaluation", "limits", "starter")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    contests = (
        Contest.objects.visible_to(request.user)
        .annotate(team_count=Count("teams", distinct=True))
        .prefetch_related("phases", Prefetch("phases__tasks__versions", _active_versions()))
    )
    cards = [
        {
            "contest": contest,
            "schedule": schedule.of(contest.phases.all(), now),
            "version": _first_version(contest),
        }
        for contest in contests
    ]
    return render(request, "contests/home.html", {"cards": cards})


def _active_versions() -> QuerySet[TaskVersion]:
    return TaskVersion.objects.filter(active=True).select_related("environment")


def _first_version(contest: Contest) -> TaskVersion | None:
    for phase in contest.phases.all():
        for task in phase.tasks.all():
            for version in task.versions.all():
                return version
    return None


@require_safe
def contest(request: HttpRequest, slug: str, section: str = "overview") -> HttpResponse:
    """One section of a contest. What a phase holds is shown from its start on (to its organisers before)."""
    found = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    now = timezone.now()
    context: dict[str, Any] = {
        "contest": found,
        "section": section,
        "schedule": schedule.of(found.phases.all(), now),
        "versions": list(TaskVersion.objects.shown_to(request.user, found)),
    }
    if section == "data":
        context["files"] = [
            {"file": file, "preview": preview.of(file.blob)}
            for version in context["versions"]
            for file in sorted(version.files.all(), key=_reading_order)
        ]
    elif section == "starter":
        context["starters"] = [
            {"starter": starter, "code": blobs.head(starter.blob).decode("utf-8", "replace")}
            for starter in found.starters.select_related("blob", "environment")
        ]
    return render(request, f"contests/{section}.html", context)


def _reading_order(file: DataFile) -> tuple[bool, bool, str]:
    """What one learns from comes first, the sample of an answer last."""
    return (not file.name.startswith("train"), file.name.startswith("sample"), file.name)


@require_safe
def data(request: HttpRequest, slug: str, file: str) -> HttpResponseBase:
    found = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    versions = list(TaskVersion.objects.shown_to(request.user, found))
    kept = DataFile.objects.filter(task_version__in=versions, name=file).select_related("blob").first()
    if kept is None:
        raise Http404
    return downloads.attachment(request, kept.blob, kept.name)


@require_safe
def starter(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    found = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    kept = get_object_or_404(StarterCode.objects.select_related("blob"), contest=found, name=name)
    return downloads.attachment(request, kept.blob, kept.name)
