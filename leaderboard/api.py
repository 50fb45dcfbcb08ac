"""The leaderboard in the public API: readable by everybody who may see the contest."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contests.api import visible
from leaderboard import boards

MAX_DIGITS = 6


class Leaderboard(APIView):
    """GET one page of 100 entries (`?page=`), with the board's version."""

    permission_classes = (AllowAny,)

    def get(self, request: Request, slug: str) -> Response:
        contest = visible(request, slug)
        page = request.query_params.get("page", "1")
        if not (page.isascii() and page.isdigit() and len(page) <= MAX_DIGITS and int(page) >= 1):
            raise ValidationError({"page": [_("The page must be a number from 1.")]})
        board = boards.public_board(contest)
        if board is None:
            return Response({"version": 0, "epoch": 1, "count": 0, "page": int(page), "entries": []})
        entries = boards.rows(board, offset=(int(page) - 1) * boards.PAGE_SIZE)
        count = board.entries.count()
        if not entries and int(page) > 1:
            raise NotFound(_("The board ends before this page."))
        return Response(
            {
                "version": board.version,
                "epoch": board.epoch,
                "count": count,
                "page": int(page),
                "entries": [
                    {
                        "rank": row.rank,
                        "team_id": row.team_id,
                        "name": row.name,
                        "score": row.score,
                        "submissions": row.submissions,
                        "last_improved_at": row.last_improved_at,
                    }
                    for row in entries
                ],
            }
        )
