"""Errors that no view answered: JSON for programs, a page for people."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults

from rest.errors import body

PROGRAMS = ("/api/", "/runner/")


def _json(detail: str, code: str, status: int) -> JsonResponse:
    return JsonResponse(body(detail, code), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(PROGRAMS):
        return _json(_("The request is not valid."), "invalid", 400)
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(PROGRAMS):
        return _json(_("You may not do this."), "permission_denied", 403)
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(PROGRAMS):
        return _json(_("There is nothing at this address."), "not_found", 404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(PROGRAMS):
        return _json(_("Something went wrong on our side. It has been logged."), "error", 500)
    return defaults.server_error(request)
