"""The leaderboard in the public API: readable by everybody who may see the contest."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api_authentication import person
from contests import joining
from contests.api.access import visible
from leaderboard import boards
from rest.pages import MAX_PAGE, MAX_SIZE, natural
from rest.views import Endpoint


class RowSerializer(serializers.Serializer[Any]):
    rank = serializers.IntegerField(help_text="Equal scores share a rank.")
    team_id = serializers.IntegerField()
    name = serializers.CharField()
    score = serializers.FloatField()
    submissions = serializers.IntegerField(help_text="How many of its submissions were scored.")
    last_improved_at = serializers.DateTimeField()


class BoardSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(help_text="Counts changes: two answers of one version are the same.")
    epoch = serializers.IntegerField(
        help_text="Changes when the board was rewritten, after a rejudge for example."
    )
    count = serializers.IntegerField(help_text="How many teams stand on the board.")
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()
    entries = RowSerializer(many=True)


def _parameter(name: str, most: int, default: int) -> OpenApiParameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY)


class Leaderboard(Endpoint):
    public = frozenset({"GET"})
    scopes = {"GET": "board"}
    serializer_class = BoardSerializer

    @extend_schema(
        parameters=[_parameter("page", MAX_PAGE, 1), _parameter("page_size", MAX_SIZE, boards.PAGE_SIZE)],
        responses=BoardSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        """A page of the public board in rank order."""
        contest = visible(request, slug)
        page = natural(request, "page", default=1, most=MAX_PAGE)
        size = natural(request, "page_size", default=boards.PAGE_SIZE, most=MAX_SIZE)
        answer = {"version": 0, "epoch": 1, "count": 0, "page": page, "page_size": size, "entries": []}
        board = boards.public_board(contest)
        entries = [] if board is None else boards.rows(board, offset=(page - 1) * size, limit=size)
        if not entries and page > 1:
            raise NotFound(_("The board ends before this page."))
        if board is not None:
            answer |= {"version": board.version, "epoch": board.epoch, "count": board.entries.count()}
            answer["entries"] = RowSerializer(entries, many=True).data
        return Response(answer)


class MyRank(Endpoint):
    scopes = {"GET": "board"}
    serializer_class = RowSerializer

    @extend_schema(responses=RowSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """My own line of the public board.

        404 while none of my submissions was scored.
        """
        contest = visible(request, slug)
        place = joining.participation_of(person(request), contest)
        board = boards.public_board(contest)
        row = boards.row_of(board, place.team_id) if board and place else None
        if row is None:
            raise NotFound(_("You are not on this board yet: none of your submissions was scored."))
        return Response(RowSerializer(row).data)
