"""`/healthz`: the process answers. `/readyz`: it can do its work, or what hinders it (operations.health)."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from operations import health


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok", "version": settings.PODIUM_VERSION})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    found = health.report()
    return JsonResponse(found.as_json(), status=200 if found.ready else 503)
