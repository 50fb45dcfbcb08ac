"""Handing in, what was handed in to a contest, and the quota."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_authentication import person
from contests.api.access import organised, visible
from contests.api.contests import ORGANISING
from contests.api.tasks import edited
from contests.api.uploads import the_file
from contests.models import Submission
from judge import intake, quotas, trials
from judge.api.shapes import SubmissionBriefSerializer, SubmissionSerializer, found, shown
from judge.api.submissions import SubmissionFilters
from rest.errors import Refused
from rest.filters import Number, Text
from rest.parsers import Multipart
from rest.schema import refusal
from rest.views import Endpoint, ListEndpoint

KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 200 characters of your own. A repeated upload with the same key is the same submission, so a "
    "client that heard no answer may try again.",
)


class HandInSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="A file whose ending the task takes: .csv, .py, .ipynb, .zip.")
    task = serializers.CharField(required=False, help_text="The slug of a task; left out, the first.")
    environment = serializers.CharField(required=False, help_text="Left out, the task's own.")
    note = serializers.CharField(required=False, help_text="For yourself, at most 300 characters.")


class TrialSerializer(serializers.Serializer[Any]):
    file = serializers.FileField()
    environment = serializers.CharField(required=False, help_text="Left out, the task's own.")


class ContestSubmissionFilters(SubmissionFilters):
    contest = None
    user = Text(field_name="user__username", help_text="A username.")
    team = Number(field_name="team_id", min_value=1, max_value=2**53, help_text="The id of a team.")


class ContestSubmissions(ListEndpoint):
    scopes = {"POST": "uploads"}
    parser_classes = (Multipart,)
    serializer_class = SubmissionBriefSerializer
    filterset_class = ContestSubmissionFilters
    queryset = Submission.objects.none()

    def get_queryset(self) -> QuerySet[Submission]:
        contest = visible(self.request, self.kwargs["slug"])
        return shown(self.request).filter(contest=contest).order_by("-created_at", "-id")

    @extend_schema(operation_id="contest_submissions_list", responses=SubmissionBriefSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Submissions to a contest: my own; for its organisers everybody's."""
        return self.list(request)

    @extend_schema(
        parameters=[KEY],
        request={"multipart/form-data": HandInSerializer},
        responses={
            201: SubmissionSerializer,
            409: refusal("The Idempotency-Key was used for something else, or for what was called back."),
            503: refusal("Nothing can be scored at the moment."),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """Hand in a file.

        403 when no phase is open or something is missing to take part (`code` says what), 429 with code `quota` when
        the quota is used up.
        """
        user = person(request)
        contest = visible(request, slug)
        given = _texts(request, "task", "environment", "note")
        try:
            submission = intake.submit(
                user=user,
                contest=contest,
                file=the_file(request),
                task_slug=given["task"] or None,
                environment=given["environment"] or None,
                note=given["note"],
                idempotency_key=request.headers.get("Idempotency-Key"),
            )
        except intake.Rejected as rejected:
            raise Refused(rejected.code, rejected.message, rejected.status) from rejected
        # Read anew: it may have been claimed already, and the answer should be of one moment.
        return Response(SubmissionSerializer(found(request, submission.pk)).data, status=201)


def _texts(request: Request, *names: str) -> dict[str, str]:
    """The fields of a form; NULs end no sentence."""
    return {name: str(request.POST.get(name, "")).replace("\x00", "") for name in names}


class Trials(Endpoint):
    tag = ORGANISING
    scopes = {"POST": "uploads"}
    parser_classes = (Multipart,)
    serializer_class = TrialSerializer

    @extend_schema(
        request={"multipart/form-data": TrialSerializer},
        responses={
            201: SubmissionSerializer,
            409: refusal("The task has no active version."),
            503: refusal("Nothing can be scored at the moment."),
        },
    )
    def post(self, request: Request, slug: str, task_id: int) -> Response:
        """Try a file out on a task.

        It is judged like any submission, before the contest opens too; it costs nothing and stands on no board.
        """
        version = edited(organised(request, slug), task_id)
        environment = _texts(request, "environment")["environment"]
        try:
            trial = trials.hand_in(
                user=person(request), version=version, file=the_file(request), environment=environment or None
            )
        except intake.Rejected as rejected:
            raise Refused(rejected.code, rejected.message, rejected.status) from rejected
        return Response(SubmissionSerializer(found(request, trial.pk)).data, status=201)


class QuotaSerializer(serializers.Serializer[quotas.Quota]):
    used_today = serializers.IntegerField()
    daily_limit = serializers.IntegerField()
    left_today = serializers.IntegerField()
    used_total = serializers.IntegerField()
    total_limit = serializers.IntegerField(allow_null=True, help_text="Null: no limit in total.")
    left_total = serializers.IntegerField(allow_null=True)
    pending = serializers.IntegerField(help_text="That wait or run now; a rejudge is not counted.")
    pending_limit = serializers.IntegerField(allow_null=True, help_text="Null: no limit at once.")
    left_pending = serializers.IntegerField(allow_null=True)
    gpu_used_s = serializers.FloatField(help_text="GPU seconds of this phase, charged for what has ended.")
    gpu_held_s = serializers.FloatField(
        help_text="Held by what waits or runs: as much as it may take at most. What it does not use comes back."
    )
    gpu_left_s = serializers.FloatField(allow_null=True)
    gpu_minutes_limit = serializers.IntegerField(allow_null=True, help_text="Null: no limit of GPU minutes.")
    gpu_needed_s = serializers.FloatField(help_text="The least that must be free to hand something in.")
    left = serializers.IntegerField(help_text="How many can be handed in now.")
    rehearsals_today = serializers.IntegerField(help_text="That failed, and so cost nothing.")
    rehearsals_limit = serializers.IntegerField(help_text="How many such are free in a day.")
    explained_left = serializers.IntegerField(
        allow_null=True,
        help_text="Failures beside hidden rows that are explained today; null: no hidden rows.",
    )
    resets_at = serializers.DateTimeField(help_text="When the next day starts: midnight UTC.")


class MyQuota(Endpoint):
    serializer_class = QuotaSerializer

    @extend_schema(responses={200: QuotaSerializer, 409: refusal("No phase is open.")})
    def get(self, request: Request, slug: str) -> Response:
        """How many submissions I have used and have left."""
        quota = quotas.quota(person(request), visible(request, slug))
        if quota is None:
            raise Refused("closed", _("This contest does not take submissions now."), 409)
        return Response(QuotaSerializer(quota).data)
