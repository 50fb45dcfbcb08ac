"""Environments in the public API: what a script can import, in which version."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compute.models import Environment
from rest.filters import Filters, Text
from rest.views import Endpoint, ListEndpoint


class PackageSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.CharField()


class EnvironmentSerializer(serializers.ModelSerializer[Environment]):
    identifier = serializers.CharField(read_only=True, help_text="name@version; a task pins one.")
    packages = serializers.SerializerMethodField(help_text="Everything that is installed, from the lock.")

    class Meta:
        model = Environment
        fields = ("name", "version", "identifier", "packages", "created_at")
        read_only_fields = fields

    @extend_schema_field(PackageSerializer(many=True))
    def get_packages(self, environment: Environment) -> list[dict[str, str]]:
        return [{"name": name, "version": version} for name, version in environment.packages]


class EnvironmentFilters(Filters):
    name = Text(field_name="name", help_text="Exactly this name, for example python.")


class Environments(ListEndpoint):
    public = frozenset({"GET"})
    serializer_class = EnvironmentSerializer
    filterset_class = EnvironmentFilters
    queryset = Environment.objects.none()

    def get_queryset(self) -> QuerySet[Environment]:
        return Environment.objects.order_by("name", "-created_at", "-id")

    @extend_schema(responses=EnvironmentSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The environments of this site with their packages."""
        return self.list(request)


class EnvironmentDetail(Endpoint):
    public = frozenset({"GET"})
    serializer_class = EnvironmentSerializer

    @extend_schema(responses=EnvironmentSerializer)
    def get(self, request: Request, name: str, version: str) -> Response:
        """One version of an environment."""
        found = Environment.objects.filter(name=name, version=version).first()
        if found is None:
            raise NotFound(_("There is no such environment."))
        return Response(EnvironmentSerializer(found).data)
