"""Every answer carries `X-Request-ID`, and every line of the log that was written meanwhile carries the same.

An id that came with the request (of a proxy, of a script) is taken when it is harmless to write down: a few letters and
digits. One line is logged for a request that changes something, fails, or is slow; never its query, body or headers.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.contextvars import bind_contextvars, clear_contextvars

log = structlog.get_logger(__name__)
HEADER = "X-Request-ID"
HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SLOW_S = 1.0
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CLIENT_FAULT, SERVER_FAULT = 400, 500


def id_for(said: str) -> str:
    return said if HARMLESS.fullmatch(said) else uuid.uuid4().hex


class RequestIdMiddleware:
    """The outermost: whatever others log belongs to a request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        clear_contextvars()
        request_id = id_for(request.headers.get(HEADER, ""))
        bind_contextvars(request=request_id)
        began = time.monotonic()
        try:
            response = self.get_response(request)
            response.headers[HEADER] = request_id
            _tell(request, response.status_code, time.monotonic() - began)
        finally:
            clear_contextvars()
        return response


def _tell(request: HttpRequest, status: int, took_s: float) -> None:
    if not _is_worth_a_line(request, status, took_s):
        return
    user = getattr(request, "_cached_user", None)  # whoever was asked for; asking now could cost a query
    log.info(
        "request",
        method=request.method,
        path=request.path,
        status=status,
        ms=round(took_s * 1000),
        user=getattr(user, "pk", None),
    )


def _is_worth_a_line(request: HttpRequest, status: int, took_s: float) -> bool:
    if status >= SERVER_FAULT or took_s > SLOW_S:
        return True
    if request.path.startswith("/runner/"):  # a sign of life each few seconds
        return status >= CLIENT_FAULT
    return request.method not in SAFE
