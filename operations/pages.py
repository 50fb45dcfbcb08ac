"""`/status/`: what everybody may know of how this site does."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from operations import notices, standing


@require_safe
@never_cache
def status(request: HttpRequest) -> HttpResponse:
    return render(
        request, "operations/status.html", {"standing": standing.of_the_site(), "past": notices.past()}
    )
