"""The pages of contests: the list, and one contest section by section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from compute import pools
from contests import archive, downloads, evaluation, joining, preview, schedule, stage_table, verdict_costs
from contests.models import Contest, DataFile, Participation, StarterCode, TaskVersion
from rest.throttles import a_minute

SECTIONS = ("data", "rules", "evaluation", "limits", "environment", "starter")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    taking_part = Participation.objects.filter(contest=OuterRef("pk"), state=Participation.State.ACTIVE)
    teams = (
        taking_part.order_by().values("contest").annotate(count=Count("team", distinct=True)).values("count")
    )
    contests = (
        Contest.objects.visible_to(request.user)
        .annotate(team_count=Coalesce(Subquery(teams), 0))
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
    if section == "data" and not joining.may_see_data(request.user, found):
        return _to_join(request, found)
    context: dict[str, Any] = {
        "contest": found,
        "section": section,
        "schedule": schedule.of(found.phases.all(), timezone.now()),
        "versions": list(TaskVersion.objects.shown_to(request.user, found)),
    }
    if section in _MORE:
        context |= _MORE[section](request, found, context["versions"])
    return render(request, f"contests/{section}.html", context)


def _to_join(request: HttpRequest, contest: Contest) -> HttpResponse:
    """Where data is for those who take part: sign in, join, and come back."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    join = reverse("contests:join", args=[contest.slug])
    return redirect(f"{join}?{urlencode({'next': request.get_full_path()})}")


def _data(_request: HttpRequest, _contest: Contest, versions: list[TaskVersion]) -> dict[str, Any]:
    files = [file for version in versions for file in sorted(version.files.all(), key=_reading_order)]
    return {
        "files": [{"file": file, "preview": preview.of(file.blob)} for file in files],
        "total_size": sum(file.blob.size for file in files),
    }


def _reading_order(file: DataFile) -> tuple[bool, bool, str]:
    """What one learns from comes first, the sample of an answer last."""
    return (not file.name.startswith("train"), file.name.startswith("sample"), file.name)


def _rules(request: HttpRequest, contest: Contest, _versions: list[TaskVersion]) -> dict[str, Any]:
    return {"place": joining.participation_of(request.user, contest)}


def _evaluation(request: HttpRequest, contest: Contest, versions: list[TaskVersion]) -> dict[str, Any]:
    may_see = joining.may_see_data(request.user, contest)
    return {"tasks": [evaluation.of(version, sample=may_see) for version in versions]}


def _limits(_request: HttpRequest, _contest: Contest, versions: list[TaskVersion]) -> dict[str, Any]:
    return {
        "costs": verdict_costs.table(),
        "limited": [{"version": version, "projects": stage_table.of(version)} for version in versions],
        "free_rehearsals": settings.PODIUM_FREE_REHEARSALS_PER_DAY,
    }


def _environment(_request: HttpRequest, _contest: Contest, versions: list[TaskVersion]) -> dict[str, Any]:
    offered = {
        environment.pk: {
            "environment": environment,
            "default": environment == version.environment,
            "readiness": pools.readiness(pool=version.pool, environment=environment),
        }
        for version in versions
        for environment in (version.environment, *version.environments.all())
    }
    return {"environments": list(offered.values())}


def _starter(_request: HttpRequest, contest: Contest, _versions: list[TaskVersion]) -> dict[str, Any]:
    return {
        "starters": [
            {"starter": starter, "code": preview.code(starter.name, starter.blob)}
            for starter in contest.starters.select_related("blob", "environment")
        ]
    }


_MORE: dict[str, Callable[[HttpRequest, Contest, list[TaskVersion]], dict[str, Any]]] = {
    "data": _data,
    "rules": _rules,
    "evaluation": _evaluation,
    "limits": _limits,
    "environment": _environment,
    "starter": _starter,
}


@require_safe
@a_minute("downloads")
def data(request: HttpRequest, slug: str, file: str) -> HttpResponseBase:
    found = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    if not joining.may_see_data(request.user, found):
        return _to_join(request, found)
    versions = list(TaskVersion.objects.shown_to(request.user, found))
    kept = DataFile.objects.filter(task_version__in=versions, name=file).select_related("blob").first()
    if kept is None:
        raise Http404
    return downloads.attachment(request, kept.blob, kept.name)


@require_safe
@a_minute("downloads")
def all_data(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Every data file in one zip."""
    found = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    if not joining.may_see_data(request.user, found):
        return _to_join(request, found)
    files = archive.members(list(TaskVersion.objects.shown_to(request.user, found)), found.slug)
    if not files:
        raise Http404
    return downloads.streamed(
        request,
        archive.pieces(files),
        filename=f"{found.slug}.zip",
        size=archive.size(files),
        etag=archive.etag(files),
    )


@require_safe
@a_minute("downloads")
def starter(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    found = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    kept = get_object_or_404(StarterCode.objects.select_related("blob"), contest=found, name=name)
    return downloads.attachment(request, kept.blob, kept.name)
