"""`/metrics`: for whoever has PODIUM_METRICS_TOKEN, or without one set, for this machine itself.

A reverse proxy on this machine calls from the loopback address, too. So without a token a request counts as local only
when nothing in it says that it was passed on, and it names this machine. To everybody else there is no such page.
"""

from __future__ import annotations

import ipaddress
import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from operations import figures

PASSED_ON = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via")
OURSELVES = ("127.0.0.1", "localhost", "[::1]")


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_read(request):
        raise Http404
    return HttpResponse(figures.text(), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if settings.PODIUM_METRICS_TOKEN is not None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        wanted = settings.PODIUM_METRICS_TOKEN.encode()
        return kind.lower() == "bearer" and secrets.compare_digest(token.strip().encode(), wanted)
    return _is_local(request)


def _is_local(request: HttpRequest) -> bool:
    if any(name in request.headers for name in PASSED_ON):
        return False
    if request.get_host().rsplit(":", 1)[0] not in OURSELVES and request.get_host() not in OURSELVES:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
