"""The metrics a task may use."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from metrics.catalogue import CATALOGUE, Metric, Param
from rest.views import ListEndpoint


def _words(text: str) -> str:
    return _(text) if text else ""


class ParamSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.SerializerMethodField()
    default = serializers.CharField()
    choices = serializers.ListField(child=serializers.CharField(), help_text="Empty: any text.")
    help = serializers.SerializerMethodField()

    def get_title(self, param: Param) -> str:
        return _words(param.title)

    def get_help(self, param: Param) -> str:
        return _words(param.help)


class MetricSerializer(serializers.Serializer[Metric]):
    slug = serializers.CharField()
    title = serializers.SerializerMethodField()
    direction = serializers.ChoiceField(choices=("maximize", "minimize"))
    needs = serializers.ChoiceField(
        choices=("labels", "probabilities", "numbers"), help_text="What a cell of predictions is."
    )
    range = serializers.CharField()
    several_columns = serializers.BooleanField(help_text="A task may have more than one target column.")
    within_0_1 = serializers.BooleanField(help_text="A prediction outside 0 to 1 is refused.")
    decimals = serializers.IntegerField(help_text="Scores equal when rounded so are a tie.")
    params = serializers.SerializerMethodField()

    def get_title(self, metric: Metric) -> str:
        return _words(metric.title)

    @extend_schema_field(ParamSerializer(many=True))
    def get_params(self, metric: Metric) -> Any:
        return ParamSerializer(metric.params, many=True).data


class Metrics(ListEndpoint):
    public = frozenset({"GET"})
    filter_backends = ()
    serializer_class = MetricSerializer

    def get_queryset(self) -> Any:
        return [CATALOGUE[slug] for slug in sorted(CATALOGUE)]

    @extend_schema(responses=MetricSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The metrics of this site with their settings."""
        return self.list(request)
