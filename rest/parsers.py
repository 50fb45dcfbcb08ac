"""Bodies as the API takes them: UTF-8 JSON and multipart forms, whatever the client calls their charset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser, MultiPartParser

__all__ = ["Json", "Multipart"]


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON


class Json(JSONParser):
    """An object. Nesting without end is the client's mistake, not a crash of ours."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            text = stream.read().decode("utf-8")
            found = json.loads(text, parse_constant=_refuse_constant)
            if "\\u" in text:
                json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair can be written nowhere
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body is not valid JSON.")) from error
        if not isinstance(found, dict):
            raise ParseError(_("The body must be a JSON object."))
        return found


class Multipart(MultiPartParser):
    """A form with files."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return super().parse(stream, media_type, {**(parser_context or {}), "encoding": "utf-8"})
