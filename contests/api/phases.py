"""The phases of a contest, for its organisers to make and change. Everybody reads them with the contest."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.deletion import ProtectedError
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from contests import opening
from contests.api.access import organised, phase_of, visible
from contests.api.contests import ORGANISING
from contests.api.shapes import PhaseSerializer
from contests.api.writing import PhaseWriteSerializer
from contests.models import Contest, Phase
from rest.errors import Refused
from rest.schema import GONE, refusal
from rest.views import Endpoint, ListEndpoint

TAKEN = refusal("Another phase has this position.")


def _saved(changes: PhaseWriteSerializer, **more: Any) -> Phase:
    try:
        with transaction.atomic():
            phase: Phase = changes.save(**more)
    except IntegrityError as error:
        raise Refused("position_taken", _("Another phase has this position."), 409) from error
    return phase


class Phases(ListEndpoint):
    public = frozenset({"GET"})
    serializer_class = PhaseSerializer
    queryset = Phase.objects.none()

    def get_queryset(self) -> QuerySet[Phase]:
        return visible(self.request, self.kwargs["slug"]).phases.order_by("position")

    @extend_schema(responses=PhaseSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The phases of a contest."""
        return self.list(request)

    @extend_schema(
        tags=[ORGANISING],
        request=PhaseWriteSerializer,
        responses={201: PhaseSerializer, 409: TAKEN},
        examples=[
            OpenApiExample(
                "A month",
                value={
                    "title": "Main",
                    "starts_at": "2027-01-01T00:00:00Z",
                    "ends_at": "2027-02-01T00:00:00Z",
                    "daily_limit": 20,
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Add a phase."""
        contest: Contest = organised(request, slug)
        given = PhaseWriteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        position = given.validated_data.get("position") or opening.next_position(contest)
        phase = _saved(given, contest=contest, position=position)
        return Response(PhaseSerializer(phase).data, status=201)


class PhaseDetail(Endpoint):
    public = frozenset({"GET"})
    serializer_class = PhaseSerializer

    @extend_schema(responses=PhaseSerializer)
    def get(self, request: Request, slug: str, phase_id: int) -> Response:
        """One phase."""
        return Response(PhaseSerializer(phase_of(visible(request, slug), phase_id)).data)

    @extend_schema(
        tags=[ORGANISING], request=PhaseWriteSerializer, responses={200: PhaseSerializer, 409: TAKEN}
    )
    def patch(self, request: Request, slug: str, phase_id: int) -> Response:
        """Change a phase. What was handed in is judged by the dates of that moment."""
        phase = phase_of(organised(request, slug), phase_id)
        changes = PhaseWriteSerializer(phase, data=request.data, partial=True)
        changes.is_valid(raise_exception=True)
        return Response(PhaseSerializer(_saved(changes)).data)

    @extend_schema(
        tags=[ORGANISING], request=None, responses=GONE | {409: refusal("Something was handed in: it stays.")}
    )
    def delete(self, request: Request, slug: str, phase_id: int) -> Response:
        """Delete a phase to which nothing was handed in, with its tasks."""
        phase = phase_of(organised(request, slug), phase_id)
        try:
            phase.delete()
        except ProtectedError as error:
            raise Refused(
                "not_empty", _("Something was handed in in this phase, so it cannot be deleted."), 409
            ) from error
        return Response(status=204)
