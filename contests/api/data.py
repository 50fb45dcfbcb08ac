"""Data files and starter code: lists and bytes."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from contests import archive, downloads
from contests.api.access import visible, with_data
from contests.api.shapes import DataFileSerializer, StarterSerializer
from contests.models import Contest, DataFile, StarterCode, TaskVersion
from rest.filters import Filters, Text
from rest.schema import FILE, refusal
from rest.views import Endpoint, ListEndpoint

DOOR = refusal("`code` says what is missing to take part: rules, invite, pending …")


class DataFilters(Filters):
    task = Text(field_name="task_version__task__slug", help_text="The files of this task only.")


def shown_files(request: Request, contest: Contest) -> QuerySet[DataFile]:
    versions = TaskVersion.objects.shown_to(request.user, contest).prefetch_related(None).values("pk")
    return DataFile.objects.filter(task_version__in=versions).select_related(
        "blob", "task_version__task__phase__contest"
    )


class ContestFiles(ListEndpoint):
    public = frozenset({"GET"})
    serializer_class = DataFileSerializer
    filterset_class = DataFilters
    queryset = DataFile.objects.none()

    def get_queryset(self) -> QuerySet[DataFile]:
        contest = with_data(self.request, visible(self.request, self.kwargs["slug"]))
        files = shown_files(self.request, contest)
        return files.order_by("task_version__task__phase__position", "name", "pk")

    @extend_schema(responses={200: DataFileSerializer(many=True), 403: DOOR})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The data files of a contest with sizes and checksums.

        Where a contest has rules or a closed door, only for those who joined it.
        """
        return self.list(request)


class ContestData(Endpoint):
    public = frozenset({"GET"})
    scopes = {"GET": "downloads"}

    @extend_schema(responses=FILE | {403: DOOR})
    def get(self, request: Request, slug: str, name: str) -> HttpResponseBase:
        """Download a data file.

        Where a contest has rules or a closed door, only for those who joined it. A solution is never among the files.
        """
        contest = with_data(request, visible(request, slug))
        file = shown_files(request, contest).filter(name=name).first()
        if file is None:
            raise NotFound(_("This contest has no such data file."))
        return downloads.attachment(request._request, file.blob, file.name)  # noqa: SLF001 - DRF wraps it


class AllData(Endpoint):
    public = frozenset({"GET"})
    scopes = {"GET": "downloads"}

    @extend_schema(responses=FILE | {403: DOOR})
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Download all data files of a contest as one zip."""
        contest = with_data(request, visible(request, slug))
        files = archive.members(list(TaskVersion.objects.shown_to(request.user, contest)), contest.slug)
        if not files:
            raise NotFound(_("This contest has no data files."))
        return downloads.streamed(
            request._request,  # noqa: SLF001 - DRF wraps it
            archive.pieces(files),
            filename=f"{contest.slug}.zip",
            size=archive.size(files),
            etag=archive.etag(files),
        )


class Starters(ListEndpoint):
    public = frozenset({"GET"})
    serializer_class = StarterSerializer
    queryset = StarterCode.objects.none()

    def get_queryset(self) -> QuerySet[StarterCode]:
        contest = visible(self.request, self.kwargs["slug"])
        return contest.starters.select_related("blob", "contest", "environment").order_by("position", "pk")

    @extend_schema(responses=StarterSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The starter code of a contest."""
        return self.list(request)
