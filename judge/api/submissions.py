"""One's submissions: the list, one of them, its log, files, usage and feedback; calling it back."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_authentication import person
from contests import downloads
from contests.models import Submission
from judge import cancel, logs, runs, stages, usage
from judge.api.shapes import (
    VERDICTS,
    CancelledSerializer,
    LogSerializer,
    RunFileSerializer,
    SubmissionBriefSerializer,
    SubmissionSerializer,
    found,
    shown,
)
from judge.models import RunFile
from leaderboard.models import Score
from rest.filters import Choice, Filters, Flag, Moment, Ordering, Text
from rest.pages import MAX_NUMBER, natural
from rest.schema import FILE
from rest.views import Endpoint, ListEndpoint

AFTER = OpenApiParameter(
    "after", {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER, "default": 0}, OpenApiParameter.QUERY
)


class SubmissionFilters(Filters):
    contest = Text(field_name="contest__slug", help_text="The slug of a contest.")
    status = Choice(choices=Submission.Status.choices)
    verdict = Choice(choices=VERDICTS)
    kind = Choice(choices=Submission.Kind.choices)
    trial = Flag(field_name="trial", help_text="An organiser's own tries: true, false; left out, both.")
    created_after = Moment(field_name="created_at", lookup_expr="gte", help_text="2026-01-31T12:00:00Z")
    created_before = Moment(field_name="created_at", lookup_expr="lt")
    ordering = Ordering(
        fields=[
            ("created_at", "created_at"),
            ("finished_at", "finished_at"),
            ("public_score", "public_score"),
        ],
        help_text="Default: -created_at, the newest first.",
    )


class MySubmissions(ListEndpoint):
    serializer_class = SubmissionBriefSerializer
    filterset_class = SubmissionFilters
    queryset = Submission.objects.none()

    def get_queryset(self) -> QuerySet[Submission]:
        user = person(self.request)
        return shown(self.request).filter(user=user).order_by("-created_at", "-id")

    @extend_schema(responses=SubmissionBriefSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """My submissions to all contests."""
        return self.list(request)


class SubmissionDetail(Endpoint):
    serializer_class = SubmissionSerializer

    @extend_schema(responses=SubmissionSerializer)
    def get(self, request: Request, submission_id: uuid.UUID) -> Response:
        """One submission with its place in the queue and its runs."""
        return Response(SubmissionSerializer(found(request, submission_id)).data)


class SubmissionLog(Endpoint):
    serializer_class = LogSerializer

    @extend_schema(parameters=[AFTER], responses=LogSerializer)
    def get(self, request: Request, submission_id: uuid.UUID) -> Response:
        """The log from byte `after` on.

        At most 64 KB at once: ask again with `?after=` the `end` of the last answer until it is `complete`.
        """
        part = logs.read(found(request, submission_id), after=natural(request, "after", default=0, least=0))
        return Response(LogSerializer(part).data)


class SubmissionCancel(Endpoint):
    serializer_class = CancelledSerializer

    @extend_schema(request=None, responses=CancelledSerializer)
    def post(self, request: Request, submission_id: uuid.UUID) -> Response:
        """Call a submission back.

        Before it has started it costs nothing. What organisers judge again only they can call back.
        """
        try:
            cancelled = cancel.cancel(found(request, submission_id), by=request.user)
        except cancel.NotTheirs as refused:
            raise PermissionDenied(refused.message) from refused
        fresh = found(request, submission_id)
        fresh.cancelled = cancelled  # type: ignore[attr-defined]
        return Response(CancelledSerializer(fresh).data)


class SubmissionFiles(ListEndpoint):
    filter_backends = ()
    serializer_class = RunFileSerializer
    queryset = RunFile.objects.none()

    def get_queryset(self) -> QuerySet[RunFile]:
        run = runs.current(found(self.request, self.kwargs["submission_id"]))
        return RunFile.objects.filter(run=run).select_related("blob").order_by("name")

    @extend_schema(responses=RunFileSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The files that the program left in /output."""
        return self.list(request)


class SubmissionFile(Endpoint):
    scopes = {"GET": "downloads"}

    @extend_schema(responses=FILE)
    def get(self, request: Request, submission_id: uuid.UUID, name: str) -> HttpResponseBase:
        """Download a file that the program left in /output."""
        run = runs.current(found(request, submission_id))
        kept = RunFile.objects.filter(run=run, name=name).select_related("blob").first()
        if kept is None:
            raise NotFound(_("This submission has no such file."))
        return downloads.attachment(request._request, kept.blob, kept.name)  # noqa: SLF001 - DRF wraps it


class SubmissionSource(Endpoint):
    scopes = {"GET": "downloads"}

    @extend_schema(responses=FILE)
    def get(self, request: Request, submission_id: uuid.UUID) -> HttpResponseBase:
        """Download the file as it was handed in."""
        submission = found(request, submission_id)
        if not submission.file_kept:
            raise NotFound(_("This submission was called back before it started; its file is gone."))
        return downloads.attachment(request._request, submission.blob, submission.filename)  # noqa: SLF001


class TotalsSerializer(serializers.Serializer[usage.Totals]):
    """Seconds."""

    runs = serializers.IntegerField(help_text="How many programs ran.")
    wall_s = serializers.FloatField()
    cpu_s = serializers.FloatField()
    gpu_s = serializers.FloatField()


class UsedSerializer(serializers.Serializer[Any]):
    wall_s = serializers.FloatField()
    cpu_s = serializers.FloatField()
    gpu_s = serializers.FloatField()
    memory_peak = serializers.IntegerField(help_text="Bytes.")
    disk_peak = serializers.IntegerField(help_text="Bytes.")


class UsageSerializer(serializers.Serializer[Any]):
    """What the current run used, as a curve and in all."""

    attempt = serializers.IntegerField(help_text="0: it has not begun.")
    columns = serializers.ListField(child=serializers.CharField(), help_text="What the numbers of a row are.")
    rows = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        help_text="Seconds and bytes.",
    )
    limits = serializers.DictField(
        child=serializers.FloatField(), help_text="Of the program whose curve it is."
    )
    total = UsedSerializer(allow_null=True)


class SubmissionUsage(Endpoint):
    serializer_class = UsageSerializer

    @extend_schema(parameters=[AFTER], responses=UsageSerializer)
    def get(self, request: Request, submission_id: uuid.UUID) -> Response:
        """What a submission used: the samples from number `after` on, and the sums."""
        submission = found(request, submission_id)
        after = natural(request, "after", default=0, least=0, most=10**9)
        run = runs.current(submission)
        series = usage.series(run, after)
        said = {
            **dataclasses.asdict(series),
            "columns": usage.COLUMNS,
            "limits": stages.curve_limits(run),
            "total": run,
        }
        return Response(UsageSerializer(said).data)


class FeedbackSerializer(serializers.Serializer[Any]):
    feedback = serializers.SerializerMethodField(
        help_text="Of the public rows: `classes` (labels, matrix, per_class), `curves`, `residuals`; {} for none."
    )
    public_score = serializers.FloatField()

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_feedback(self, score: Score) -> Any:
        return score.feedback

    def to_representation(self, score: Score) -> dict[str, Any]:
        return {"feedback": score.feedback, "public_score": score.public}


class SubmissionFeedback(Endpoint):
    serializer_class = FeedbackSerializer

    @extend_schema(responses=FeedbackSerializer)
    def get(self, request: Request, submission_id: uuid.UUID) -> Response:
        """The metric's feedback on the public rows.

        404 while the submission has no score.
        """
        submission = found(request, submission_id)
        run = runs.current(submission)
        score = Score.objects.filter(submission=submission, generation=run.generation if run else 0).first()
        if score is None:
            raise NotFound(_("This submission has no score, so there is no feedback."))
        return Response(FeedbackSerializer(score).data)


class MyUsage(Endpoint):
    serializer_class = TotalsSerializer
    tag = "me"

    @extend_schema(responses=TotalsSerializer)
    def get(self, request: Request) -> Response:
        """What all my runs used together."""
        return Response(TotalsSerializer(usage.of_user(person(request))).data)
