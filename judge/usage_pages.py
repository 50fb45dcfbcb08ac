"""What runs used, for eyes: the curve behind a submission's page, and an organiser's sums over a contest."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contests import schedule
from contests.models import Contest, Submission
from judge import runs, stages, usage
from judge.templatetags.judging import FIGURES
from judge.usage_table import table
from runners.usage import MAX_POINTS

LIMITS = ("wall_s", "cpu_s", "memory_mb", "disk_mb")


def shown(submission: Submission) -> dict[str, Any]:
    """What templates/judge/usage.html needs."""
    run = runs.current(submission)
    return {"table": table(usage.series(run).rows, stages.curve_limits(run)), "chart_texts": texts()}


def texts() -> dict[str, str]:
    """The words of static/js/usage.js."""
    return {name: str(title) for name, title in FIGURES.items()} | {
        "limit": _("limit {limit}"),
        "time_limit": _("time limit"),
        "described": _("{title} over time, at most {most}. The figures are in the table below."),
        "described_limit": _(
            "{title} over time, at most {most} of {limit}. The figures are in the table below."
        ),
        "most": _("at most {most}"),
        "now": _("{value} at {time}"),
    }


@login_required
@never_cache
@require_safe
def curve(request: HttpRequest, submission_id: uuid.UUID) -> JsonResponse:
    """The points from number `after` on, as JSON: for static/js/usage.js. Of another `attempt` than the asked: all."""
    found = get_object_or_404(Submission.objects.visible_to(request.user), pk=submission_id)
    run = runs.current(found)
    after, attempt = (_number(request.GET.get(name, "0")) for name in ("after", "attempt"))
    series = usage.series(run, after)
    if after and series.attempt != attempt:
        after, series = 0, usage.series(run)
    limits = stages.curve_limits(run)
    return JsonResponse(
        {
            "attempt": series.attempt,
            "after": after,
            "columns": usage.COLUMNS,
            "samples": series.rows,
            "limits": {name: limits.get(name) for name in LIMITS},
            "complete": found.is_terminal,
        }
    )


def _number(text: str) -> int:
    return min(int(text), MAX_POINTS) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004


@login_required
@never_cache
@require_safe
def of_contest(request: HttpRequest, slug: str) -> HttpResponse:
    """For its organisers; to everybody else there is no such page."""
    contest = get_object_or_404(Contest.objects.visible_to(request.user), slug=slug)
    if not contest.is_organised_by(request.user):
        raise Http404
    context = {
        "contest": contest,
        "section": "usage",
        "schedule": schedule.of(contest.phases.all(), timezone.now()),
        "totals": usage.of_contest(contest),
        "contestants": usage.by_contestant(contest),
    }
    return render(request, "judge/contest_usage.html", context)
