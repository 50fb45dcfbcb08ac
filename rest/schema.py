"""The OpenAPI description: what drf-spectacular reads off the views, and what holds for all of them."""

from __future__ import annotations

import inspect
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.permissions import SAFE_METHODS

from rest.errors import ErrorSerializer

Schema = dict[str, Any]

_ERRORS = {
    "400": "The request is not valid; `errors` says where.",
    "401": "No token and no session, or a token that is not known.",
    "403": "Known, but not allowed to do this; or a session without its CSRF token.",
    "404": "There is no such thing, or not for you.",
    "413": "The body is larger than this site takes.",
    "415": "The body is of a type that is not taken here.",
    "429": "Too many requests in this minute; `Retry-After` says when to come back.",
}
FILE = {
    (200, "application/octet-stream"): OpenApiTypes.BINARY,
    304: OpenApiResponse(description="If-None-Match named what the file still is."),
}
GONE = {204: OpenApiResponse(description="Done; there is nothing to say.")}


def refusal(description: str) -> OpenApiResponse:
    """A 409 or 503 of one endpoint's own."""
    return OpenApiResponse(ErrorSerializer, description=description)


class Described(AutoSchema):
    """The first paragraph of a method's docstring is the summary, the rest the description."""

    def get_summary(self) -> str | None:
        return self._paragraphs()[0].replace("\n", " ").rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        return "\n\n".join(self._paragraphs()[1:])

    def get_tags(self) -> list[str]:
        return [getattr(self.view, "tag", "") or self._tokenize_path()[0]]

    def _paragraphs(self) -> list[str]:
        said = (
            inspect.getdoc(getattr(self.view, self.method.lower())) or inspect.getdoc(type(self.view)) or ""
        )
        return said.split("\n\n")

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        bodies: Schema = super()._get_response_bodies(direction)
        for code in self._usual_errors():
            if code not in bodies:
                said = OpenApiResponse(ErrorSerializer, description=_ERRORS[code])
                bodies[code] = self._get_response_for_code(said, code)  # type: ignore[no-untyped-call]
        bodies["429"]["headers"] = {
            "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        }
        return dict(sorted(bodies.items()))

    def _usual_errors(self) -> list[str]:
        codes = ["400", "401", "429"]
        if {} not in self.get_auth() or self.method not in SAFE_METHODS:
            codes.append("403")
        if "{" in self.path or self._get_paginator():  # type: ignore[no-untyped-call]
            codes.append("404")
        if self.method in {"POST", "PUT", "PATCH"}:
            codes.extend(["413", "415"])
        return codes


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api_authentication.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token pod_…`: the word Token, a space, and a token of POST /api/v1/me/tokens/.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api_authentication.ApiSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The browser's session. Requests that change something need the header X-CSRFToken.",
        }
