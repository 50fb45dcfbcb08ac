"""What organisers have judged: checks of a task, rejudges; and what their contestants' runs used."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_authentication import person
from contests import publishing
from contests.api.access import organised, phase_of
from contests.api.contests import ORGANISING
from contests.api.tasks import edited
from contests.models import Check
from judge import checking, own_queue, rejudging, usage
from judge.api.shapes import CheckSerializer, SubmissionSerializer, found
from judge.api.submissions import TotalsSerializer
from rest.errors import Refused
from rest.schema import refusal
from rest.views import Endpoint, ListEndpoint


class TaskCheck(Endpoint):
    tag = ORGANISING
    serializer_class = CheckSerializer

    @extend_schema(responses=CheckSerializer)
    def get(self, request: Request, slug: str, task_id: int) -> Response:
        """The newest check of a task, with every mistake it found."""
        version = edited(organised(request, slug), task_id)
        check = version.checks.first()
        if check is None:
            raise NotFound(_("This task was never checked."))
        return Response(_said(check))

    @extend_schema(
        request=None,
        responses={
            202: CheckSerializer,
            409: refusal("The task was deleted at this moment."),
            503: refusal("Nothing can be checked at the moment."),
        },
    )
    def post(self, request: Request, slug: str, task_id: int) -> Response:
        """Check a task as it is now, with its baselines judged for real.

        A check that is under way is returned. Ask for it again until `finished_at` is set.
        """
        version = edited(organised(request, slug), task_id)
        try:
            check = checking.start(version, person(request))
        except checking.CannotCheck as refused:
            status = 409 if refused.code == "no_task" else 503
            raise Refused(refused.code, refused.message, status) from refused
        return Response(_said(check), status=202)


def _said(check: Check) -> Any:
    digest = publishing.fingerprint(check.task_version)
    return CheckSerializer(check, context={"digest": digest}).data


class Rejudge(Endpoint):
    tag = ORGANISING
    serializer_class = SubmissionSerializer

    @extend_schema(
        request=None, responses={202: SubmissionSerializer, 409: refusal("It is being judged, or cannot be.")}
    )
    def post(self, request: Request, submission_id: uuid.UUID) -> Response:
        """Judge a submission again, by what its task says now.

        Until the new verdict is there the board keeps the earlier score. It costs the contestant nothing.
        """
        submission = found(request, submission_id)
        if not submission.contest.is_organised_by(request.user):
            raise PermissionDenied(_("Only the organisers of this contest may do this."))
        try:
            rejudging.rejudge(submission)
        except rejudging.CannotRejudge as refused:
            raise Refused(refused.code, refused.message, 409) from refused
        return Response(SubmissionSerializer(found(request, submission_id)).data, status=202)


class Prefer(Endpoint):
    tag = ORGANISING
    serializer_class = SubmissionSerializer

    @extend_schema(request=None, responses={200: SubmissionSerializer, 409: refusal("It has ended.")})
    def post(self, request: Request, submission_id: uuid.UUID) -> Response:
        """Have a submission judged next: before all else that waits of its contest, in the contest's own share.

        It takes its contestant's turns like any other, so their next submissions wait the longer.
        """
        submission = found(request, submission_id)
        if not submission.contest.is_organised_by(request.user):
            raise PermissionDenied(_("Only the organisers of this contest may do this."))
        if not own_queue.prefer(submission, by=person(request)):
            raise Refused("ended", _("This submission has ended."), 409)
        return Response(SubmissionSerializer(found(request, submission_id)).data)


class QueueSerializer(serializers.Serializer[Any]):
    held = serializers.BooleanField(
        help_text="true: nothing more of this contest is handed out, and what runs goes on."
    )


class ContestQueue(Endpoint):
    tag = ORGANISING
    serializer_class = QueueSerializer

    @extend_schema(responses=QueueSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Whether this contest's queue is held."""
        return Response({"held": own_queue.is_held(organised(request, slug))})

    @extend_schema(request=QueueSerializer, responses=QueueSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        """Hold this contest's queue, or release it. Other contests' submissions go on.

        Those who wait are told so on their submissions' pages, and keep their places.
        """
        contest = organised(request, slug)
        given = QueueSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        held = given.validated_data["held"]
        (own_queue.hold if held else own_queue.release)(contest, by=person(request))
        return Response({"held": held})


class RejudgedSerializer(serializers.Serializer[Any]):
    rejudged = serializers.IntegerField(help_text="How many submissions were queued again.")


class RejudgePhase(Endpoint):
    tag = ORGANISING
    serializer_class = RejudgedSerializer

    @extend_schema(request=None, responses={202: RejudgedSerializer})
    def post(self, request: Request, slug: str, phase_id: int) -> Response:
        """Judge again all that has ended in a phase. Left out are trials and what was called back."""
        phase = phase_of(organised(request, slug), phase_id)
        return Response({"rejudged": rejudging.rejudge_phase(phase)}, status=202)


class ContestantUsageSerializer(TotalsSerializer):
    username = serializers.CharField()
    memory_peak = serializers.IntegerField(help_text="Bytes, of the largest run.")
    disk_peak = serializers.IntegerField(help_text="Bytes, of the largest run.")


class ContestUsage(Endpoint):
    tag = ORGANISING
    serializer_class = TotalsSerializer

    @extend_schema(responses=TotalsSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """What all runs of a contest used together."""
        return Response(TotalsSerializer(usage.of_contest(organised(request, slug))).data)


class ContestantsUsage(ListEndpoint):
    tag = ORGANISING
    filter_backends = ()
    serializer_class = ContestantUsageSerializer

    def get_queryset(self) -> Any:
        return usage.by_contestant(organised(self.request, self.kwargs["slug"]))

    @extend_schema(responses=ContestantUsageSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What each contestant's runs used, the most CPU time first."""
        return self.list(request)
