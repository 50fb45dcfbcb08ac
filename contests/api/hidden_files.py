"""Hidden test features of a task: sent by its organisers, listed to them alone, and never handed out."""

from __future__ import annotations

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from contests import tasks
from contests.api.access import organised
from contests.api.contests import ORGANISING
from contests.api.tasks import DRAFT, OrganiserTaskSerializer, edited, invalid, said
from contests.api.uploads import FileSerializer, record, the_file, written
from rest.parsers import Multipart
from rest.views import Endpoint


class HiddenTaskFile(Endpoint):
    tag = ORGANISING
    scopes = {"PUT": "uploads"}
    parser_classes = (Multipart,)
    serializer_class = OrganiserTaskSerializer

    @extend_schema(
        request={"multipart/form-data": FileSerializer},
        responses=OrganiserTaskSerializer,
        description=(
            "Programs find it in /input in place of the public file of that name, in a run whose log is withheld. "
            "From then on `test_features_public` is false. A file of that name is replaced." + DRAFT
        ),
    )
    def put(self, request: Request, slug: str, task_id: int, name: str) -> Response:
        """Add hidden test features to a task."""
        version = edited(organised(request, slug), task_id)
        kept = written(the_file(request))
        try:
            with transaction.atomic():
                saved = tasks.set_hidden_file(version, name, record(kept))
        except tasks.InvalidTask as refused:
            raise invalid(refused) from refused
        return said(request, saved)

    @extend_schema(
        request=None,
        responses={200: OrganiserTaskSerializer},
        description="Without the last one the test features are public again." + DRAFT,
    )
    def delete(self, request: Request, slug: str, task_id: int, name: str) -> Response:
        """Remove hidden test features from a task. A file that is not there is no mistake."""
        version = edited(organised(request, slug), task_id)
        return said(request, tasks.remove_hidden_file(version, name))
