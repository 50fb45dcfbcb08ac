"""Errors of the public API: always JSON with a readable `detail`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's own answers, with one sentence under `detail` also where it would list fields."""
    response = exception_handler(error, context)
    if response is not None and isinstance(error, ValidationError):
        response.data = {"detail": _sentence(error.detail), "errors": error.detail}
    return response


def _sentence(detail: Any) -> str:
    if isinstance(detail, dict):
        return "; ".join(f"{field}: {_sentence(value)}" for field, value in detail.items())
    if isinstance(detail, list):
        return " ".join(_sentence(item) for item in detail)
    return str(detail) or _("The request is not valid.")
