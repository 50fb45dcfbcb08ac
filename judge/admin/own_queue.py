"""The queue of one contest, for its organisers: what waits and runs of it; hold it, and release it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from compute.models import Pool
from judge import operating, own_queue
from judge.admin.acting import own_contest, who


def view(request: HttpRequest, contest_id: int, context: dict[str, Any]) -> HttpResponseBase:
    """`context` is the administration's own."""
    contest = own_contest(request, contest_id)
    if request.method == "POST":
        if "hold" in request.POST:
            own_queue.hold(contest, by=who(request))
            messages.success(request, gettext("The queue of this contest is held."))
        else:
            own_queue.release(contest, by=who(request))
            messages.success(request, gettext("The queue of this contest is released."))
        return redirect("admin:contests_submission_queue", contest.pk)
    seen = operating.overviews(list(Pool.objects.order_by("slug")))
    rows = [(each.pool, own) for each in seen for own in each.contests if own.contest_id == contest.pk]
    page = {
        **context,
        "title": gettext("Queue of “%(contest)s”") % {"contest": contest.title},
        "contest": contest,
        "held": own_queue.is_held(contest),
        "rows": rows,
    }
    return TemplateResponse(request, "admin/contests/submission/queue.html", page)
