"""The executed notebook as a page of its own, for the frame on its submission's page.

Three guards, each enough by itself: the HTML is written anew (judge.inert_html); the response's policy forbids every
script, form, frame and request; and it lies in a sandbox without an origin, so it could reach nothing of this site.
"""

from __future__ import annotations

import hashlib
import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from contests import downloads
from contests.models import Submission
from judge import inert_html, notebooks, runs
from judge.models import RunFile
from runners.notebook.bundle import PAGE

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
    headers = {
        "Content-Security-Policy": POLICY,
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    try:
        text = _drawn(request, submission, notebooks.inert_page(page))
    except inert_html.TooIntricate:
        text = _drawn(request, submission, "")
    return HttpResponse(text, headers=headers)


def download(request: HttpRequest, submission: Submission, kept: RunFile) -> HttpResponseBase:
    """The page as a file. Opened from a disk it has no guard but itself, so it is the cleaned one that is given.

    What cannot be cleaned is saved as text.
    """
    try:
        content = _drawn(request, submission, notebooks.inert_page(kept.blob)).encode()
    except inert_html.TooIntricate:
        return downloads.attachment(request, kept.blob, f"{kept.name}.txt")
    etag = hashlib.sha256(content).hexdigest()
    return downloads.streamed(
        request, (piece for piece in (content,)), filename=kept.name, size=len(content), etag=etag
    )


def is_page(submission: Submission, kept: RunFile) -> bool:
    return submission.kind == Submission.Kind.NOTEBOOK and kept.name == PAGE


def _drawn(request: HttpRequest, submission: Submission, body: str) -> str:
    context = {"body": mark_safe(body), "filename": submission.filename}  # noqa: S308 - inert_html has just written it
    return render_to_string("judge/notebook_page.html", context, request)
