"""The board page: readable by everybody who may see the contest, kept fresh by static/js/board.js."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contests import schedule
from contests.models import Contest, Participation, TaskVersion
from leaderboard import boards
from leaderboard.models import Board


@require_safe
def board(request: HttpRequest, slug: str) -> HttpResponse:
    contest = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    shown = boards.public_board(contest)
    context = {
        "contest": contest,
        "section": "leaderboard",
        "schedule": schedule.of(contest.phases.all(), timezone.now()),
        "board": shown,
    }
    if shown is not None:
        context |= _standing(request, contest, shown)
    return render(request, "leaderboard/board.html", context)


def _standing(request: HttpRequest, contest: Contest, shown: Board) -> dict[str, object]:
    # The count is of entries, not of rows read: the page costs the same at any size.
    page = Paginator(shown.entries.all(), boards.PAGE_SIZE).get_page(request.GET.get("page"))
    offset = (page.number - 1) * boards.PAGE_SIZE
    rows = boards.rows(shown, offset=offset)
    own_team = _team_id(request, contest)
    on_page = any(row.team_id == own_team for row in rows)
    version = (
        TaskVersion.objects.filter(task__phase=shown.phase, active=True).order_by("task__position").first()
    )
    return {
        "rows": rows,
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
        "own_team": own_team,
        "own_row": boards.row_of(shown, own_team) if own_team is not None and not on_page else None,
        "metric": version.definition if version else None,
        "people": _people(request, contest, rows),
    }


def _people(request: HttpRequest, contest: Contest, rows: list[boards.Row]) -> list[tuple[str, list[str]]]:
    """Who stands behind the made-up names of these rows: for organisers only."""
    if not (contest.pseudonymous and contest.is_organised_by(request.user)):
        return []
    behind: dict[int, list[str]] = {row.team_id: [] for row in rows}
    for place in Participation.objects.filter(team_id__in=behind).select_related("user").order_by("pk"):
        behind[place.team_id].append(place.user.username)
    return [(row.name, behind[row.team_id]) for row in rows]


def _team_id(request: HttpRequest, contest: Contest) -> int | None:
    if not request.user.is_authenticated:
        return None
    return (
        Participation.objects.filter(contest=contest, user=request.user)
        .values_list("team_id", flat=True)
        .first()
    )


@never_cache
@require_safe
def own(request: HttpRequest, slug: str) -> JsonResponse:
    """The reader's own standing, null without one. Asked by static/js/board.js while the row is not on the page."""
    contest = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    shown, team = boards.public_board(contest), _team_id(request, contest)
    row = boards.row_of(shown, team) if shown is not None and team is not None else None
    return JsonResponse({"own": {"rank": row.rank, "score": row.score} if row else None})
