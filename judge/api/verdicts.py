"""The verdicts there are: what each means, and what it costs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from contests import verdict_costs
from judge.api.shapes import VERDICTS
from rest.views import ListEndpoint


class VerdictSerializer(serializers.Serializer[verdict_costs.Cost]):
    verdict = serializers.ChoiceField(choices=VERDICTS)
    meaning = serializers.CharField()
    cost = serializers.CharField(help_text="Whether it uses up quota: yes, no, or once it has started.")


class Verdicts(ListEndpoint):
    public = frozenset({"GET"})
    filter_backends = ()
    serializer_class = VerdictSerializer

    def get_queryset(self) -> Any:
        return verdict_costs.table()

    @extend_schema(responses=VerdictSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The verdicts in the order in which they are decided: when several hold, the first does."""
        return self.list(request)
