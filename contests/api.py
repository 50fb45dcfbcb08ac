"""Contests in the public API: the list, one contest with its tasks, its data files."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contests import downloads
from contests.models import Contest, DataFile, TaskVersion


def _brief(contest: Contest) -> dict[str, Any]:
    return {
        "slug": contest.slug,
        "title": contest.title,
        "title_zh": contest.title_zh,
        "summary": contest.summary,
        "summary_zh": contest.summary_zh,
        "phases": [
            {
                "title": phase.title,
                "starts_at": phase.starts_at,
                "ends_at": phase.ends_at,
                "daily_limit": phase.daily_limit,
            }
            for phase in contest.phases.all()
        ],
    }


def _task(version: TaskVersion, request: Request) -> dict[str, Any]:
    slug = version.task.phase.contest.slug
    metric = version.definition
    return {
        "slug": version.task.slug,
        "title": version.task.title,
        "version": version.number,
        "kinds": version.kinds,
        "metric": metric.slug,
        "direction": metric.direction,
        "id_column": version.id_column,
        "target_columns": version.target_columns,
        "environment": version.environment.name,
        "environments": sorted({version.environment.name, *(e.name for e in version.environments.all())}),
        "limits": version.limits,
        "files": [
            {
                "name": file.name,
                "size": file.blob.size,
                "sha256": file.blob_id,
                "url": request.build_absolute_uri(reverse("api:data", args=[slug, file.name])),
            }
            for file in version.files.all()
        ],
    }


def visible(request: Request, slug: str) -> Contest:
    contest = Contest.objects.visible_to(request.user).filter(slug=slug).first()
    if contest is None:
        raise NotFound(_("There is no such contest."))
    return contest


class ContestList(APIView):
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        shown = Contest.objects.visible_to(request.user).prefetch_related("phases")
        return Response([_brief(contest) for contest in shown])


class ContestDetail(APIView):
    permission_classes = (AllowAny,)

    def get(self, request: Request, slug: str) -> Response:
        contest = visible(request, slug)
        versions = TaskVersion.objects.shown_to(request.user, contest)
        return Response(
            {
                **_brief(contest),
                "description": contest.description,
                "description_zh": contest.description_zh,
                "tasks": [_task(version, request) for version in versions],
            }
        )


class ContestData(APIView):
    """GET a data file of the contest's active tasks. A solution is never among them."""

    permission_classes = (AllowAny,)

    def get(self, request: Request, slug: str, name: str) -> HttpResponseBase:
        versions = list(TaskVersion.objects.shown_to(request.user, visible(request, slug)))
        file = DataFile.objects.filter(task_version__in=versions, name=name).select_related("blob").first()
        if file is None:
            raise NotFound(_("This contest has no such data file."))
        response = downloads.attachment(request._request, file.blob, file.name)  # noqa: SLF001 - DRF wraps it
        response["ETag"] = f'"{file.blob_id}"'
        return response
