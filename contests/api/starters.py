"""Starter code, for organisers to put and remove, and for everybody to download."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compute.models import Environment
from contests import downloads, rules
from contests.api.access import organised, visible
from contests.api.contests import ORGANISING
from contests.api.shapes import StarterSerializer
from contests.api.tasks import TaskFieldsSerializer
from contests.api.uploads import record, the_file, written
from contests.models import StarterCode
from rest.errors import Refused
from rest.fields import FlagField
from rest.parsers import Multipart
from rest.schema import FILE, GONE
from rest.views import Endpoint


class StarterWriteSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(required=False, help_text="May be left out where there is one already.")
    title = serializers.CharField(max_length=120, required=False, help_text="Left out, its name.")
    title_zh = serializers.CharField(max_length=120, required=False, allow_blank=True)
    environment = serializers.CharField(required=False, help_text="Left out, the task's own.")
    position = serializers.IntegerField(required=False, min_value=1, max_value=32_767)
    baseline = FlagField(required=False, help_text="Judged for real at every check of the contest's tasks.")

    def validate_environment(self, name: str) -> Environment:
        return TaskFieldsSerializer().validate_environment(name)


class StarterFile(Endpoint):
    public = frozenset({"GET"})
    scopes = {"GET": "downloads", "PUT": "uploads"}
    parser_classes = (Multipart,)
    serializer_class = StarterSerializer

    @extend_schema(responses=FILE)
    def get(self, request: Request, slug: str, name: str) -> HttpResponseBase:
        """Download a file of starter code."""
        kept = visible(request, slug).starters.filter(name=name).select_related("blob").first()
        if kept is None:
            raise NotFound(_("This contest has no such starter code."))
        return downloads.attachment(request._request, kept.blob, kept.name)  # noqa: SLF001 - DRF wraps it

    @extend_schema(
        tags=[ORGANISING],
        request={"multipart/form-data": StarterWriteSerializer},
        responses=StarterSerializer,
    )
    def put(self, request: Request, slug: str, name: str) -> Response:
        """Put starter code: a script, a notebook or predictions. One of that name is replaced.

        What is left out stays as it is.
        """
        contest = organised(request, slug)
        if rules.safe_filename(name) != name or rules.kind_of(name) is None:
            endings = ", ".join(rules.KIND_OF_SUFFIX)
            sentence = _("The name must end in: %(endings)s") % {"endings": endings}
            raise Refused("invalid", sentence, 400, {"name": [sentence]})
        stays = "file" not in request.data and contest.starters.filter(name=name).exists()
        file = None if stays else the_file(request)
        given = StarterWriteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        fields = {key: value for key, value in given.validated_data.items() if key != "file"}
        content = None if file is None else written(file)
        try:
            with transaction.atomic():
                if content is not None:
                    fields["blob"] = record(content)
                starter, _made = StarterCode.objects.update_or_create(
                    contest=contest,
                    name=name,
                    defaults=fields,
                    create_defaults={"title": name, **fields},
                )
        except IntegrityError as error:  # put twice at once
            raise Refused("busy", _("Somebody else is changing this file. Try again."), 409) from error
        return Response(StarterSerializer(starter, context={"request": request}).data)

    @extend_schema(tags=[ORGANISING], request=None, responses=GONE)
    def delete(self, request: Request, slug: str, name: str) -> Response:
        """Remove starter code."""
        gone, _what = organised(request, slug).starters.filter(name=name).delete()
        if not gone:
            raise NotFound(_("This contest has no such starter code."))
        return Response(status=204)
