"""Errors of the public API: always JSON of one shape, in the reader's language.

{"detail": "a sentence", "code": "a word for programs", "errors": {"field": ["a sentence", …]}}
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    NotFound,
    PermissionDenied,
    Throttled,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.views import exception_handler

WHOLE_REQUEST = "non_field_errors"  # DRF's name for what is about no field alone


class Refused(APIException):
    """A verb said no: its code, its sentence, and where several things are wrong all of them."""

    def __init__(
        self, code: str, message: str, status: int = 400, errors: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(detail=message, code=code)
        self.status_code = status
        self.errors = {field: list(sentences) for field, sentences in (errors or {}).items()}


class ErrorSerializer(serializers.Serializer[Any]):
    """What every refusal looks like."""

    detail = serializers.CharField(
        help_text="What is wrong and what to do, in the language of Accept-Language."
    )
    code = serializers.CharField(help_text="A word for programs; it does not change with the language.")
    # DRF's own attribute of that name is of no use where nothing is read in.
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Sentences by field, where the refusal is about fields; else empty.",
    )


def body(detail: str, code: str, errors: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
    return {"detail": detail, "code": code, "errors": dict(errors or {})}


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None for what is our fault: Django's 500 page answers it."""
    said = _as_api(error)
    response = exception_handler(said, context)
    if response is None or not isinstance(said, APIException):
        return response
    if isinstance(said, ValidationError):
        fields = dict(_flat(said.detail))
        response.data = body(_sentence(fields), "invalid", fields)
    else:
        codes = said.get_codes()
        response.data = body(
            str(said.detail), codes if isinstance(codes, str) else "invalid", getattr(said, "errors", None)
        )
    return response


def _as_api(error: Exception) -> Exception:
    """Django's and DRF's terse errors with words of ours."""
    if isinstance(error, Http404):
        return NotFound(_("There is nothing at this address."))
    if isinstance(error, DjangoPermissionDenied):
        return PermissionDenied(_("You may not do this."))
    if isinstance(error, Throttled):
        seconds = math.ceil(getattr(error, "wait", None) or 1)
        error.detail = ErrorDetail(
            _("These are too many requests at once. Try again in %(seconds)s s.") % {"seconds": seconds},
            "throttled",
        )
    return error


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Nested complaints as {"target_columns.0": [sentence]}."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        for place, inner in enumerate(detail):
            if inner:
                yield from _flat(inner, f"{path}.{place}" if path else str(place))
    else:
        sentences = [str(item) for item in detail] if isinstance(detail, list) else [str(detail)]
        yield path or WHOLE_REQUEST, sentences


def _sentence(fields: Mapping[str, Sequence[str]]) -> str:
    said = [
        " ".join(sentences) if field == WHOLE_REQUEST else f"{field}: {' '.join(sentences)}"
        for field, sentences in fields.items()
    ]
    return "; ".join(said) or _("The request is not valid.")
