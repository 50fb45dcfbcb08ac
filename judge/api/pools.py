"""Runner pools for those who operate them: what waits where; hold and release, drain and resume.

Superusers operate all pools, and people whom a pool names its operators that one.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_authentication import person
from compute import pools
from compute.models import Pool
from judge import operating
from rest.views import Endpoint, ListEndpoint

OPERATING = "operating"


class PoolContestSerializer(serializers.Serializer[Any]):
    contest = serializers.CharField(source="slug")
    weight = serializers.IntegerField()
    waiting = serializers.IntegerField()
    running = serializers.IntegerField()
    held = serializers.BooleanField(help_text="By its organisers: nothing of it is handed out.")


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


def _operated(request: Request) -> QuerySet[Pool]:
    found = pools.operated_by(request.user)
    if not found.exists():
        raise PermissionDenied(_("Only those who run this site or operate a pool may do this."))
    return found.order_by("slug")


def _pool(request: Request, slug: str) -> Pool:
    pool = _operated(request).filter(slug=slug).first()
    if pool is None:
        raise NotFound(_("There is no such pool."))
    return pool


class Pools(ListEndpoint):
    tag = OPERATING
    filter_backends = ()
    serializer_class = PoolSerializer
    queryset = Pool.objects.none()

    def get_queryset(self) -> QuerySet[Pool]:
        return _operated(self.request)

    def paginate_queryset(self, queryset: Any) -> Any:
        """With what waits in all of them, read at once."""
        page = super().paginate_queryset(queryset)
        for seen in operating.overviews(page or ()):
            seen.pool.overview = seen  # type: ignore[attr-defined]
        return page

    @extend_schema(responses=PoolSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The pools of runner hosts with what waits and runs. For superusers, and the operators of a pool."""
        return self.list(request)


class PoolDetail(Endpoint):
    tag = OPERATING
    serializer_class = PoolSerializer

    @extend_schema(responses=PoolSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """One pool. For superusers and its operators."""
        return Response(PoolSerializer(_pool(request, slug)).data)

    @extend_schema(request=HeldSerializer, responses=PoolSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        """Hold a pool, or release it. For superusers and its operators.

        Those who wait there are told so on their submissions' pages.
        """
        pool = _pool(request, slug)
        given = HeldSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        change = operating.hold if given.validated_data["held"] else operating.release
        change(pool, by=person(request))
        return Response(PoolSerializer(pool).data)


class PoolHost(Endpoint):
    tag = OPERATING
    serializer_class = PoolSerializer

    @extend_schema(request=DrainingSerializer, responses=PoolSerializer)
    def patch(self, request: Request, slug: str, host: str) -> Response:
        """Drain a host of a pool, or let it work again. For superusers and the pool's operators."""
        pool = _pool(request, slug)
        row = pool.hosts.filter(name=host).first()
        if row is None:
            raise NotFound(_("This pool has no such host."))
        given = DrainingSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        change = operating.drain if given.validated_data["draining"] else operating.resume
        change(row, by=person(request))
        return Response(PoolSerializer(pool).data)
