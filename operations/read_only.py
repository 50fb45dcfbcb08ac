"""While a notice says so, nothing can be handed in or changed. Pages stay readable, and runner hosts go on."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from operations import notices
from operations.models import Notice
from rest.errors import body

RETRY_AFTER_S = 300
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# What runs is brought home; people may sign in and read; an administrator opens the doors again.
STAYS_OPEN = (
    "/runner/",
    "/accounts/login/",
    "/accounts/logout/",
    "/i18n/",
    "/admin/logout/",
    "/admin/operations/",
)


class ReadOnlyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in SAFE or request.path.startswith(STAYS_OPEN):
            return self.get_response(request)
        notice = notices.current()
        if notice is None or not notice.read_only:
            return self.get_response(request)
        return _refuse(request, notice)


def _refuse(request: HttpRequest, notice: Notice) -> HttpResponseBase:
    detail = " ".join((_said(notice), _("Pages stay readable, and what runs goes on. Try again later.")))
    answer: HttpResponseBase
    if request.path.startswith("/api/"):
        answer = JsonResponse(body(detail, "read_only"), status=503)
    else:
        answer = render(request, "operations/read_only.html", {"detail": detail}, status=503)
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _said(notice: Notice) -> str:
    chinese = (get_language() or "").startswith("zh") and notice.message_zh
    return chinese or notice.message
