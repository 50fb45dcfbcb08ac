"""A store of blobs that does not answer is no mistake of ours or of whoever asks: 503, and nothing was changed.

Whoever sent something still has it: a browser shows this page, the API's clients and the runner hosts try again.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from config.errors import PROGRAMS
from contests.blobs import StoreAway
from rest.errors import body

RETRY_AFTER_S = 10
log = structlog.get_logger(__name__)


class StoreAwayMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, StoreAway):
            return None
        log.error("store of files away", reason=str(error))
        said = _("The store of files does not answer. Nothing was changed; try again in a moment.")
        if request.path.startswith(PROGRAMS):
            answer: HttpResponse = JsonResponse(body(said, "store_away"), status=503)
        else:
            answer = render(request, "503.html", {"said": said}, status=503)
        answer["Retry-After"] = str(RETRY_AFTER_S)
        return answer
