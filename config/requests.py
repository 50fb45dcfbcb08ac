"""Django's handler of requests, for a site that speaks UTF-8 alone."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.utils.http import parse_header_parameters


class Utf8Request(ASGIRequest):
    """Ignores the charset a client names: it may be any codec of Python's, and one like "hex" breaks Django."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(ASGIHandler):
    request_class = Utf8Request
