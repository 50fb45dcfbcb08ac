"""The executed notebook as a page of its own, for the frame on its submission's page.

Three guards, each enough by itself: the HTML is written anew (judge.inert_html); the response's policy forbids every
script, form, frame and request; and it lies in a sandbox without an origin, so it could reach nothing of this site.
"""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contests.models import Submission
from judge import inert_html, notebooks, runs

# allow-popups: a link opens in a tab of its own, which is no longer sandboxed. No scripts, no forms, no origin.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


@login_required
@never_cache
@require_safe
def executed(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    submission = get_object_or_404(Submission.objects.visible_to(request.user), pk=submission_id)
    page = notebooks.page_of(runs.current(submission))
    if page is None or submission.kind != Submission.Kind.NOTEBOOK:
        raise Http404
    try:
        body = notebooks.inert_page(page)
    except inert_html.TooIntricate:
        body = ""
    context = {"body": mark_safe(body), "filename": submission.filename}  # noqa: S308 - inert_html has just written it
    return HttpResponse(
        render_to_string("judge/notebook_page.html", context, request),
        headers={
            "Content-Security-Policy": POLICY,
            "X-Frame-Options": "SAMEORIGIN",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        },
    )
