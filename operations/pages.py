"""`/status/`: what everybody may know of how this site does."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from operations import standing


@require_safe
@never_cache
def status(request: HttpRequest) -> HttpResponse:
    found = standing.of_the_site()
    told = {"standing": found, "past": found.past}
    if (
        not found.readable
    ):  # this page must come all the same: nothing on it asks who reads it, or for a banner
        told |= {"user": AnonymousUser(), "shown_notice": None}
    return render(request, "operations/status.html", told)
