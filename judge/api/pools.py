"""Runner pools for those who run the site: what waits where; hold and release, drain and resume."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import rights
from compute.models import Pool
from judge import operating
from rest.views import Endpoint, ListEndpoint

OPERATING = "operating"


class PoolContestSerializer(serializers.Serializer[Any]):
    contest = serializers.CharField(source="slug")
    weight = serializers.IntegerField()
    waiting = serializers.IntegerField()
    running = serializers.IntegerField()


class PoolHostSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(source="row.name")
    draining = serializers.BooleanField(source="row.draining", help_text="Is given nothing more.")
    live = serializers.BooleanField(help_text="Asked for work in the last two minutes.")
    seen_at = serializers.DateTimeField(source="row.seen_at")
    running = serializers.IntegerField(help_text="0 of one that drains: it may be stopped.")


class PoolSerializer(serializers.ModelSerializer[Pool]):
    waiting = serializers.SerializerMethodField(help_text="Jobs of all contests.")
    running = serializers.SerializerMethodField()
    contests = serializers.SerializerMethodField()
    hosts = serializers.SerializerMethodField()

    class Meta:
        model = Pool
        fields = ("slug", "trusted", "held", "waiting", "running", "contests", "hosts")
        read_only_fields = fields

    def get_waiting(self, pool: Pool) -> int:
        return _seen(pool).waiting

    def get_running(self, pool: Pool) -> int:
        return _seen(pool).running

    @extend_schema_field(PoolContestSerializer(many=True))
    def get_contests(self, pool: Pool) -> Any:
        return PoolContestSerializer(_seen(pool).contests, many=True).data

    @extend_schema_field(PoolHostSerializer(many=True))
    def get_hosts(self, pool: Pool) -> Any:
        return PoolHostSerializer(_seen(pool).hosts, many=True).data


def _seen(pool: Pool) -> operating.Overview:
    """Read once for an answer that says several things of it."""
    if not hasattr(pool, "overview"):
        pool.overview = operating.overview(pool)  # type: ignore[attr-defined]
    found: operating.Overview = pool.overview  # type: ignore[attr-defined]
    return found


class HeldSerializer(serializers.Serializer[Any]):
    held = serializers.BooleanField(help_text="true: nothing more is handed out, and what runs goes on.")


class DrainingSerializer(serializers.Serializer[Any]):
    draining = serializers.BooleanField(help_text="true: it finishes what it runs and is given nothing more.")


def _for_operators(request: Request) -> None:
    if not rights.runs_site(request.user):
        raise PermissionDenied(_("Only those who run this site may do this."))


def _pool(request: Request, slug: str) -> Pool:
    _for_operators(request)
    pool = Pool.objects.filter(slug=slug).first()
    if pool is None:
        raise NotFound(_("There is no such pool."))
    return pool


class Pools(ListEndpoint):
    tag = OPERATING
    filter_backends = ()
    serializer_class = PoolSerializer
    queryset = Pool.objects.none()

    def get_queryset(self) -> QuerySet[Pool]:
        _for_operators(self.request)
        return Pool.objects.order_by("slug")

    @extend_schema(responses=PoolSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The pools of runner hosts with what waits and runs. For superusers."""
        return self.list(request)


class PoolDetail(Endpoint):
    tag = OPERATING
    serializer_class = PoolSerializer

    @extend_schema(responses=PoolSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """One pool. For superusers."""
        return Response(PoolSerializer(_pool(request, slug)).data)

    @extend_schema(request=HeldSerializer, responses=PoolSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        """Hold a pool, or release it. For superusers.

        Those who wait there are told so on their submissions' pages.
        """
        pool = _pool(request, slug)
        given = HeldSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        (operating.hold if given.validated_data["held"] else operating.release)(pool)
        return Response(PoolSerializer(pool).data)


class PoolHost(Endpoint):
    tag = OPERATING
    serializer_class = PoolSerializer

    @extend_schema(request=DrainingSerializer, responses=PoolSerializer)
    def patch(self, request: Request, slug: str, host: str) -> Response:
        """Drain a host of a pool, or let it work again. For superusers."""
        pool = _pool(request, slug)
        row = pool.hosts.filter(name=host).first()
        if row is None:
            raise NotFound(_("This pool has no such host."))
        given = DrainingSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        (operating.drain if given.validated_data["draining"] else operating.resume)(row)
        return Response(PoolSerializer(pool).data)
